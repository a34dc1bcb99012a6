/** How the numbers of segments go on after a failover, the same on all workers. */

import { describe, expect, it } from 'vitest';
import { type Agree, type Beginning, HlsNumbers } from '../../../../services/proxy/src/upstream/hls/hls-numbers.ts';

const MOVED_MS = 1_000_000;

function cluster() {
  const agreed = new Map<string, string>();
  let questions = 0;
  const agree: Agree = async (name, offered) => {
    questions += 1;
    if (offered !== undefined && !agreed.has(name)) agreed.set(name, offered);
    return agreed.get(name);
  };
  const clock = { laterMs: 0 };
  const worker = (offered: Beginning | undefined, laterMs = 0, movedAtMs: number | undefined = MOVED_MS) =>
    new HlsNumbers({ agree, movedAtMs, offered, wallMs: () => MOVED_MS + laterMs + clock.laterMs });
  return { worker, agreed, clock, questions: () => questions };
}

describe('the numbers of a source', () => {
  it('stay as they are where the stream has never moved, and nobody is asked', async () => {
    const agree: Agree = () => Promise.reject(new Error('asked'));
    const numbers = new HlsNumbers({ agree, movedAtMs: undefined, offered: undefined, wallMs: () => 0 });
    expect([await numbers.offset('low', 7), await numbers.beginning()]).toEqual([0, { from: 0, earlier: 0 }]);
  });

  it('are what the first worker says, for each playlist, and each is asked for once', async () => {
    const { worker, questions } = cluster();
    const one = worker({ from: 110, earlier: 1 });
    const two = worker({ from: 109, earlier: 1 });
    expect([await one.beginning(), await two.beginning()]).toEqual([
      { from: 110, earlier: 1 },
      { from: 110, earlier: 1 },
    ]);
    expect(one.known('low')).toBeUndefined();
    // The second one sees the playlist later, when it has moved on.
    expect([await one.offset('low', 7), await two.offset('low', 8)]).toEqual([103, 103]);
    expect([await two.offset('high', 20), await one.offset('high', 22)]).toEqual([90, 90]);
    expect([one.known('low'), one.earlier]).toEqual([103, 1]);
    const before = questions();
    await one.offset('low', 9);
    expect(questions()).toBe(before);
  });

  it('are the same for a worker that has served nothing before', async () => {
    const { worker } = cluster();
    const late = worker(undefined, 10);
    // Nobody has said anything yet.
    expect(await late.offset('low', 7)).toBe(0);
    const one = worker({ from: 110, earlier: 3 });
    expect(await one.offset('low', 8)).toBe(102);
    expect([await late.offset('low', 9), await late.beginning()]).toEqual([102, { from: 110, earlier: 3 }]);
  });

  it('stay as they are when nobody has served anything before', async () => {
    const { worker } = cluster();
    expect(await worker(undefined, 30_001).offset('low', 7)).toBe(0);
    // Whoever comes back after that follows.
    expect(await worker({ from: 110, earlier: 1 }).offset('low', 7)).toBe(0);
  });

  it('are said again, so that a registry that has lost them has them for a worker that comes later', async () => {
    const { worker, agreed, clock } = cluster();
    const one = worker({ from: 110, earlier: 1 });
    await one.offset('low', 7);
    await one.offset('high', 20);
    const before = [...agreed];
    agreed.clear();
    clock.laterMs = 59_999;
    await one.offset('low', 70);
    expect(agreed.size).toBe(0);
    clock.laterMs = 60_000;
    await one.offset('low', 70);
    expect([...agreed]).toEqual(before);
    expect(await worker(undefined).offset('low', 71)).toBe(103);
  });

  it('are agreed on anew for each move', async () => {
    const { worker } = cluster();
    await worker({ from: 110, earlier: 1 }).offset('low', 7);
    expect(await worker({ from: 210, earlier: 2 }, 0, MOVED_MS + 1).offset('low', 7)).toBe(203);
  });
});
