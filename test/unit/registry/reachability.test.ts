/** Whether a registry that takes its time is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BadRecordError } from '../../../services/registry/bad-record.ts';
import { Reachability } from '../../../services/registry/resilient/reachability.ts';

async function open() {
  const outages: unknown[] = [];
  const bugs: unknown[] = [];
  const reach = new Reachability(
    (error) => outages.push(error),
    (error) => bugs.push(error),
  );
  await reach.renewal({ prepare: async () => undefined, renew: async () => true, tell: async () => undefined });
  return { reach, outages, bugs };
}

const own = async () => 'own';

it('waits for an answer that comes in parts for as long as they come', async () => {
  const { reach, outages } = await open();
  const inParts = async (onProgress: () => void) => {
    for (let part = 0; part < 5; part++) {
      await sleep(300);
      onProgress();
    }
    return 'shared';
  };
  expect(await reach.ask(inParts, own)).toBe('shared');
  expect(outages).toEqual([]);
});

it('takes one that stops coming for an outage', async () => {
  const { reach, outages } = await open();
  const stops = async (onProgress: () => void) => {
    await sleep(300);
    onProgress();
    return new Promise<string>(() => undefined);
  };
  expect(await reach.ask(stops, own)).toBe('own');
  expect(outages).toHaveLength(1);
});

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
const OOM = "OOM command not allowed when used memory > 'maxmemory'.";

it.each([
  ['a refused connection', refused],
  ['a closed connection', new Error('Connection is closed.')],
  ['a late answer', new Error('Command timed out')],
  ['a connection that is not there yet', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
  [
    'a command that was on its way',
    Object.assign(new Error('Command aborted due to connection close'), { name: 'AbortError' }),
  ],
  ['LOADING', reply('LOADING Redis is loading the dataset in memory')],
  [
    'READONLY in a script',
    reply("READONLY You can't write against a read only replica. script: 1f, on @user_script:12."),
  ],
  ['MASTERDOWN', reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")],
  ['CLUSTERDOWN', reply('CLUSTERDOWN The cluster is down')],
  ['OOM', reply(OOM)],
  ['OOM in a script', reply(`${OOM} script: 1f, on @user_script:12.`)],
  ['OOM in a script of an older Redis', reply(`ERR Error running script (call to f_1f): @user_script:12: -${OOM}`)],
])('takes %s for an outage', async (_what, error) => {
  const { reach, outages, bugs } = await open();
  const fails = () => Promise.reject(error);
  expect(await reach.ask(fails, own)).toBe('own');
  expect(outages).toEqual([error]);
  expect(bugs).toEqual([]);
});

it.each([
  ['a TypeError', new TypeError("Cannot read properties of undefined (reading 'id')")],
  ['a RangeError', new RangeError('Invalid array length')],
  ['an answer that is no JSON', new SyntaxError('Unexpected token')],
  ['an error of no known kind', new Error('this cannot be')],
  ['a command that Redis does not understand', reply('ERR syntax error')],
])('throws %s on as a bug, and goes on asking', async (_what, error) => {
  const { reach, outages, bugs } = await open();
  await expect(reach.ask(() => Promise.reject(error), own)).rejects.toBe(error);
  await expect(reach.askOwnership(() => Promise.reject(error), own)).rejects.toBe(error);
  expect(bugs).toEqual([error, error]);
  expect(outages).toEqual([]);
  expect(await reach.ask(async () => 'shared', own)).toBe('shared');
});

it('throws the error of one record on, and goes on asking', async () => {
  const { reach, outages, bugs } = await open();
  const error = reply(
    'WRONGTYPE Operation against a key holding the wrong kind of value script: 1f, on @user_script:12.',
  );
  await expect(reach.ask(() => Promise.reject(error), own)).rejects.toBeInstanceOf(BadRecordError);
  expect([...outages, ...bugs]).toEqual([]);
});

it('asks nothing after a renewal that failed, and reports a bug in it as one', async () => {
  const { reach, outages, bugs } = await open();
  const bug = new TypeError('x is not a function');
  const steps = { prepare: async () => undefined, tell: async () => undefined };
  await expect(reach.renewal({ ...steps, renew: () => Promise.reject(bug) })).rejects.toBe(bug);
  expect(bugs).toEqual([bug]);
  expect(outages).toEqual([]);
  expect(await reach.ask(async () => 'shared', own)).toBe('own');
  await reach.renewal({ ...steps, renew: async () => true });
  expect(await reach.ask(async () => 'shared', own)).toBe('shared');
});

it('tells one outage, when a renewal is slow and a question gave up before it', async () => {
  const { reach, outages } = await open();
  const steps = { prepare: async () => undefined, tell: async () => undefined };
  const renewed = reach.renewal({ ...steps, renew: () => sleep(1_200, true) });
  expect(await reach.ask(() => sleep(1_300, 'shared'), own)).toBe('own');
  await renewed;
  expect(outages).toEqual([expect.objectContaining({ message: 'Redis has not answered within 1000 ms' })]);
  await reach.renewal({ ...steps, renew: async () => true });
  expect(await reach.ask(async () => 'shared', own)).toBe('shared');
});
