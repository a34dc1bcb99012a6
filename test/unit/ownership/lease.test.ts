/** What a lease says under a slow, a silent and a returning registry, and after this process stood still. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lease } from '../../../services/proxy/src/ownership/lease.ts';
import { LeaseRenewal } from '../../../services/proxy/src/ownership/lease-renewal.ts';
import type { Command, MovedFeed, Renewal, WorkerLoad } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { createLogger } from '../../../services/shared/log.ts';

const LEASE_MS = 5_000;
const RENEWAL: Renewal = { commands: [], moved: [], unbroken: true };

let jumpMs = 0;
let renewals: LeaseRenewal[] = [];
beforeEach(() => {
  jumpMs = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const now = performance.now.bind(performance);
  // A process that stands still sees the time jump, and no timer in between.
  vi.spyOn(performance, 'now').mockImplementation(() => now() + jumpMs);
});
afterEach(() => {
  for (const renewal of renewals) renewal.stop();
  renewals = [];
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** @param renew what the registry does */
function leaseOn(renew: () => Promise<Renewal>) {
  const moved: MovedFeed[] = [];
  const commands: Command[] = [];
  let asked = 0;
  const count = () => {
    asked++;
    return renew();
  };
  const lease = new Lease();
  const renewal = new LeaseRenewal({
    lease,
    registry: { renew: count, heartbeat: async () => undefined },
    leaseMs: LEASE_MS,
    load: () => ({}) as WorkerLoad,
    onCommand: (each) => commands.push(each),
    onMoved: (each) => moved.push(each),
    clock: systemClock,
    log: createLogger('fatal', {}),
  });
  renewals.push(renewal);
  return { lease, renewal, moved, commands, asked: () => asked };
}

const answerAfter = (ms: number) => new Promise<Renewal>((resolve) => setTimeout(() => resolve(RENEWAL), ms));
const never = () => new Promise<Renewal>(() => undefined);

describe('a lease', () => {
  it('is held while renewals take 2 s, and counts from when they were sent', async () => {
    const { lease, renewal } = leaseOn(() => answerAfter(2_000));
    void renewal.start();
    expect(lease.state).toBe('unconfirmed');
    await vi.advanceTimersByTimeAsync(2_000);
    for (let n = 0; n < 100; n++) {
      expect(lease.state).toBe('held');
      await vi.advanceTimersByTimeAsync(250);
    }
    expect(lease.reachable).toBe(true);
  });

  it('runs out 4.5 s after the sending of the last renewal, not after its answer; running streams go on', async () => {
    const answers = [() => answerAfter(2_000), never];
    const { lease, renewal } = leaseOn(() => (answers.shift() ?? never)());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(4_400);
    expect(lease.state).toBe('held');
    await vi.advanceTimersByTimeAsync(200);
    expect(lease.state).toBe('unconfirmed');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lease.state).toBe('unconfirmed');
    expect(lease.reachable).toBe(false);
  });

  it('is in doubt when this process stood still, before any timer has noticed, until the registry confirms', async () => {
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal, moved } = leaseOn(() => answer());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(1_500);
    answer = never;
    await vi.advanceTimersByTimeAsync(700);
    jumpMs = 20_000;
    expect(lease.state).toBe('in_doubt');
    // What was sent before it stood still confirms nothing.
    await vi.advanceTimersByTimeAsync(5_000);
    expect(lease.state).toBe('in_doubt');
    const lost: MovedFeed = { feed: 's:x', place: { kind: 'own', epoch: 2 } };
    answer = async () => ({ ...RENEWAL, moved: [lost] });
    const confirmed = lease.confirmed().then(() => moved.length);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(lease.state).toBe('held');
    expect(await confirmed).toBe(1);
  });

  it('is not confirmed by the answer to a renewal that was sent before this process stood still', async () => {
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal } = leaseOn(() => answer());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(500);
    let arrive = (): void => undefined;
    answer = () =>
      new Promise((resolve) => {
        arrive = () => resolve(RENEWAL);
      });
    await vi.advanceTimersByTimeAsync(1_000);
    let isConfirmed = false;
    void lease.confirmed().then(() => {
      isConfirmed = true;
    });
    answer = () => answerAfter(10);
    jumpMs = 20_000;
    arrive();
    await vi.advanceTimersByTimeAsync(0);
    expect([lease.state, isConfirmed]).toEqual(['in_doubt', false]);
    await vi.advanceTimersByTimeAsync(20);
    expect([lease.state, isConfirmed]).toEqual(['held', true]);
  });

  it('hears what the registry says once, however late', async () => {
    const lost: MovedFeed = { feed: 's:x', place: { kind: 'own', epoch: 2 } };
    const command: Command = { kind: 'delete', streamId: 'x' };
    const late = async () => ({ ...(await answerAfter(6_000)), moved: [lost], commands: [command] });
    const answers = [late, never];
    const { lease, renewal, moved, commands } = leaseOn(() => (answers.shift() ?? never)());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(5_900);
    expect([moved, commands]).toEqual([[], []]);
    await vi.advanceTimersByTimeAsync(200);
    expect([moved, commands]).toEqual([[lost], [command]]);
    expect(lease.state).toBe('unconfirmed');
  });

  it('knows since when it runs without standing still', async () => {
    const { lease, renewal } = leaseOn(() => answerAfter(10));
    const madeMs = performance.now();
    void renewal.start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lease.awakeSinceMs).toBe(madeMs);
    jumpMs = 4_000;
    const wokenMs = performance.now();
    expect(lease.awakeSinceMs).toBe(wokenMs);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lease.awakeSinceMs - wokenMs).toBeLessThanOrEqual(100);
  });

  it('is lost once in an outage, however long that is, and again in the next', async () => {
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal } = leaseOn(() => answer());
    void renewal.start();
    const losses: number[] = [];
    for (const isAway of [false, true, false, true]) {
      answer = isAway ? never : () => answerAfter(10);
      await vi.advanceTimersByTimeAsync(20_000);
      losses.push(lease.losses);
    }
    expect(losses).toEqual([0, 1, 1, 2]);
  });

  it('is not in doubt when it stood still for less than its time', async () => {
    const { lease, renewal } = leaseOn(() => answerAfter(10));
    void renewal.start();
    await vi.advanceTimersByTimeAsync(1_200);
    jumpMs = 2_000;
    expect(lease.state).toBe('held');
  });

  it('is not in doubt when the registry goes away after a standstill for less than its time', async () => {
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal } = leaseOn(() => answer());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(1_200);
    answer = never;
    jumpMs = 2_000;
    for (let n = 0; n < 100; n++) {
      expect(lease.state).not.toBe('in_doubt');
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(lease.state).toBe('unconfirmed');
  });

  it('is in doubt when it had no time left to ask after a standstill', async () => {
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal } = leaseOn(() => answer());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(1_200);
    answer = never;
    jumpMs = 4_000;
    await vi.advanceTimersByTimeAsync(100);
    expect(lease.state).toBe('held');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(lease.state).toBe('in_doubt');
  });

  it('says after a standstill that the registry is away only when a renewal since then has failed', async () => {
    const failing = () => answerAfter(100).then(() => Promise.reject(new Error('no connection')));
    let answer: () => Promise<Renewal> = () => answerAfter(10);
    const { lease, renewal } = leaseOn(() => answer());
    void renewal.start();
    await vi.advanceTimersByTimeAsync(990);
    // It fails because of the standstill, after which the registry answers.
    answer = failing;
    await vi.advanceTimersByTimeAsync(50);
    answer = () => answerAfter(10);
    jumpMs = 20_000;
    let isAnswered: boolean | undefined;
    void lease.answered().then((is) => {
      isAnswered = is;
    });
    const seen: unknown[] = [];
    for (let n = 0; n < 20; n++) {
      await vi.advanceTimersByTimeAsync(5);
      seen.push([lease.reachable, isAnswered]);
    }
    expect(seen).toContainEqual([false, undefined]);
    expect(seen).not.toContainEqual([false, false]);
    expect(seen.at(-1)).toEqual([true, true]);
    answer = failing;
    jumpMs = 40_000;
    await vi.advanceTimersByTimeAsync(1_500);
    // Known already.
    expect(await lease.answered()).toBe(false);
    answer = () => answerAfter(10);
    await vi.advanceTimersByTimeAsync(1_500);
    const next = lease.answered();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await next).toBe(true);
  });

  it('is renewed at once when the registry is back, also while it is being renewed', async () => {
    const { renewal, asked } = leaseOn(() => answerAfter(100));
    renewal.renewSoon();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked()).toBe(0);
    void renewal.start();
    await vi.advanceTimersByTimeAsync(300);
    expect(asked()).toBe(1);
    renewal.renewSoon();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked()).toBe(2);
    renewal.renewSoon();
    await vi.advanceTimersByTimeAsync(101);
    expect(asked()).toBe(3);
    await vi.advanceTimersByTimeAsync(1_050);
    expect(asked()).toBe(4);
  });
});
