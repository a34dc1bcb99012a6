// A view is composed once for all pages, once a second, and only while somebody looks.
import { expect, it, onTestFinished, vi } from 'vitest';
import { LiveBoard } from '../../../../services/proxy/src/api/console/live-board.ts';
import { patched, type State } from '../../../../services/shared/console/merge-patch.ts';

interface Message {
  readonly event: string;
  readonly state?: State;
  readonly patch?: State;
}

/** A page that keeps what it is shown. */
function page() {
  const messages: Message[] = [];
  let state: State | undefined;
  const write = (text: string): void => {
    const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(text) ?? [];
    const message = { event, ...JSON.parse(data) } as Message;
    messages.push(message);
    state = message.state ?? patched(state ?? {}, message.patch ?? {});
  };
  return { write, messages, state: () => state };
}

/** A board over a state that a test changes. */
function board(state: () => State | Promise<State>) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const counts = { composed: 0, rested: 0, errors: 0 };
  const made = new LiveBoard<State>({
    compose: async () => {
      counts.composed += 1;
      return state();
    },
    rest: () => {
      counts.rested += 1;
    },
    onError: () => {
      counts.errors += 1;
    },
  });
  return { board: made, counts };
}

it('shows a snapshot, then once a second what has changed', async () => {
  let viewers = 1;
  const { board: now, counts } = board(() => ({ numbers: { viewers, saved: 0 } }));
  const one = page();
  const end = now.show(one);
  await vi.advanceTimersByTimeAsync(0);
  expect(one.messages).toEqual([{ event: 'snapshot', state: { numbers: { viewers: 1, saved: 0 } } }]);
  viewers = 2;
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.messages.slice(1)).toEqual([{ event: 'delta', patch: { numbers: { viewers: 2 } } }, { event: 'delta' }]);
  expect(counts.composed).toBe(3);
  end();
});

it('composes no more for fifty pages than for one; each has the same in the end', async () => {
  let at = 0;
  const { board: now, counts } = board(() => ({ at: at++ }));
  const pages = Array.from({ length: 50 }, page);
  const ends = pages.slice(0, 49).map((each) => now.show(each));
  await vi.advanceTimersByTimeAsync(2_500);
  ends.push(now.show(pages[49] ?? page()));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(counts.composed).toBe(4);
  for (const each of pages) expect(each.state()).toEqual({ at: 3 });
  expect(pages[49]?.messages.map(({ event }) => event)).toEqual(['snapshot', 'delta']);
  for (const end of ends) end();
});

it('does nothing when the last page has gone, and begins anew with the next', async () => {
  let at = 0;
  const { board: now, counts } = board(() => ({ at: at++ }));
  const ends = [now.show(page()), now.show(page())];
  await vi.advanceTimersByTimeAsync(0);
  ends[0]?.();
  expect(counts.rested).toBe(0);
  ends[1]?.();
  expect(counts.rested).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(counts.composed).toBe(1);
  const later = page();
  now.show(later)();
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount()).toBe(0);
  const last = page();
  const end = now.show(last);
  await vi.advanceTimersByTimeAsync(0);
  expect(last.messages.map(({ event }) => event)).toEqual(['snapshot']);
  end();
});

it('never composes twice at a time, and waits no longer after a slow one', async () => {
  let running = 0;
  let most = 0;
  const { board: now, counts } = board(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 700));
    running -= 1;
    return {};
  });
  const ends = [now.show(page())];
  await vi.advanceTimersByTimeAsync(100);
  ends.push(now.show(page()));
  await vi.advanceTimersByTimeAsync(2_600);
  expect([most, counts.composed]).toEqual([1, 3]);
  for (const end of ends) end();
});

it('goes on after a state that could not be composed', async () => {
  let fails = true;
  const { board: now, counts } = board(() => {
    if (fails) throw new Error('no answer');
    return { at: 1 };
  });
  const one = page();
  const end = now.show(one);
  await vi.advanceTimersByTimeAsync(0);
  expect([counts.errors, one.messages]).toEqual([1, []]);
  fails = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.state()).toEqual({ at: 1 });
  end();
});
