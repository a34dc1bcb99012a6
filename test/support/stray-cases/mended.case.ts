/** Tests that fail at their first try, and leave behind what fails then. Each passes at its second. */
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';

function failsFirst(name: string, leave: () => Promise<void>): void {
  let tries = 0;
  it.concurrent(name, async () => {
    tries++;
    if (tries > 1) return;
    await leave();
    expect.fail('on purpose');
  });
}

failsFirst('a loop goes on while its server ends', async () => {
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reload = async (): Promise<never> => {
    while (true) await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text());
  };
  const reloading = reload();
  onTestFinished(() => void server.close().closeAllConnections());
  // Never in this try.
  if (server.listening === false) await reloading;
});

failsFirst('a promise fails that would be awaited later', async () => {
  const asked = sleep(50).then(() => Promise.reject(new Error('refused')));
  if (Number.isNaN(performance.now())) await asked;
});

failsFirst('a timer throws', async () => {
  setTimeout(() => expect(1).toBe(2), 50);
});

failsFirst('an emitter says an error that nobody hears', async () => {
  setTimeout(() => new EventEmitter().emit('error', new Error('reset')), 50);
});

it.concurrent('a promise fails before it is awaited', async () => {
  const asked = Promise.reject(new Error('too early'));
  await sleep(50);
  await expect(asked).rejects.toThrow('too early');
});

it('waits for what the others have left', () => sleep(300));
