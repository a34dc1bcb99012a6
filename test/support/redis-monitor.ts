/** What clients ask a Redis, as its MONITOR tells it. ioredis' own monitor fails when the first commands come with its answer. */

import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { until } from './until.ts';

export interface RedisMonitor {
  /** Each command of a client with its arguments, in order; not what a script does inside. */
  readonly seen: readonly (readonly string[])[];
  close(): void;
}

/** @returns once Redis tells every command */
export async function monitorRedis(port: number): Promise<RedisMonitor> {
  const socket = connect(port, '127.0.0.1');
  const seen: string[][] = [];
  let isTelling = false;
  createInterface({ input: socket }).on('line', (line) => {
    if (line === '+OK') isTelling = true;
    // +1795887592.581315 [0 127.0.0.1:48042] "hgetall" "sp:summary"
    else if (!/^\+[\d.]+ \[\d+ lua\]/.test(line)) {
      seen.push([...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, argument]) => String(argument)));
    }
  });
  socket.write('MONITOR\r\n');
  await until(() => isTelling, { what: 'Redis to tell its commands' });
  return { seen, close: () => socket.destroy() };
}
