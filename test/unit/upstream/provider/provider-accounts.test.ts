/** What people see of the accounts of providers. */

import { expect, it } from 'vitest';
import { ProviderAccounts } from '../../../../services/proxy/src/upstream/provider/provider-accounts.ts';
import { systemClock } from '../../../../services/shared/clock.ts';

const URL_A = 'http://user:s3cret@tv.example:8080/live/user/s3cret/1.ts';

function at() {
  let nowMs = 0;
  const accounts = new ProviderAccounts({ ...systemClock, monotonicMs: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { accounts, pass };
}

it('names the host, and who holds how many connections', () => {
  const { accounts } = at();
  const [first, second] = [accounts.taken(URL_A, 'a', 's:1'), accounts.taken(URL_A, 'a', 's:1')];
  accounts.taken(URL_A, 'b', 's:2');
  expect(accounts.all).toEqual({
    a: { host: 'tv.example:8080', held: { 's:1': 2 } },
    b: { host: 'tv.example:8080', held: { 's:2': 1 } },
  });
  expect(JSON.stringify(accounts.all)).not.toContain('s3cret');
  first();
  expect(accounts.all.a?.held).toEqual({ 's:1': 1 });
  second();
  expect(Object.keys(accounts.all)).toEqual(['b']);
});

it('counts what was refused in the last hour', () => {
  const { accounts, pass } = at();
  accounts.refused(URL_A, 'a');
  pass(3_000_000);
  accounts.refused(URL_A, 'a');
  expect(accounts.all).toEqual({ a: { host: 'tv.example:8080', held: {}, refused: 2 } });
  pass(1_000_000);
  expect(accounts.all.a?.refused).toBe(1);
  pass(3_000_000);
  expect(accounts.all).toEqual({});
});

it('forgets accounts that nobody uses when there are many', () => {
  const { accounts } = at();
  accounts.taken(URL_A, 'held', 's:1');
  for (let n = 0; n < 500; n++) accounts.refused('http://tv.example/', `a${n}`);
  const names = Object.keys(accounts.all);
  expect(names).toContain('held');
  expect(names).toContain('a499');
  expect(names.length).toBeLessThan(110);
});
