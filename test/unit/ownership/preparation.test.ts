import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../../services/proxy/src/async.ts';
import { Preparation } from '../../../services/proxy/src/ownership/preparation.ts';

function stage() {
  const making: Deferred<string>[] = [];
  const closed: string[] = [];
  const preparation = new Preparation(
    () => {
      const next = deferred<string>();
      making.push(next);
      return next.promise;
    },
    (made) => closed.push(made),
  );
  return { preparation, making, closed };
}

describe('a preparation', () => {
  it('is made once, however often it is asked for', async () => {
    const { preparation, making, closed } = stage();
    const asked = [preparation.ready(), preparation.ready()];
    making[0]?.resolve('connection');
    expect(await Promise.all(asked)).toEqual(['connection', 'connection']);
    expect(await preparation.ready()).toBe('connection');
    expect(making).toHaveLength(1);
    expect(closed).toEqual([]);
  });

  it('that was taken is not closed any more', async () => {
    const { preparation, making, closed } = stage();
    const asked = preparation.ready();
    making[0]?.resolve('connection');
    await asked;
    preparation.keepFor(1);
    expect(await preparation.take()).toBe('connection');
    expect(await preparation.take()).toBeUndefined();
    preparation.drop();
    await sleep(10);
    expect(closed).toEqual([]);
  });

  it('may be taken while it is still being made', async () => {
    const { preparation, making, closed } = stage();
    const asked = preparation.ready();
    const taken = preparation.take();
    making[0]?.resolve('connection');
    expect(await taken).toBe('connection');
    expect(await asked).toBe('connection');
    preparation.drop();
    await sleep(0);
    expect(closed).toEqual([]);
  });

  it('that is given up while it is being made is closed as soon as it is made', async () => {
    const { preparation, making, closed } = stage();
    const asked = preparation.ready();
    preparation.drop();
    expect(closed).toEqual([]);
    making[0]?.resolve('connection');
    await asked;
    await sleep(0);
    expect(closed).toEqual(['connection']);
    expect(await preparation.take()).toBeUndefined();
  });

  it('that fails is tried again by the next who asks, and is nothing to take', async () => {
    const { preparation, making } = stage();
    const asked = preparation.ready();
    making[0]?.reject(new Error('refused'));
    await expect(asked).rejects.toThrow('refused');
    expect(await preparation.take()).toBeUndefined();
    const again = preparation.ready();
    const taken = preparation.take();
    making[1]?.reject(new Error('refused again'));
    await expect(again).rejects.toThrow('refused again');
    expect(await taken).toBeUndefined();
  });

  it('is given up after its time', async () => {
    const { preparation, making, closed } = stage();
    const asked = preparation.ready();
    making[0]?.resolve('connection');
    await asked;
    preparation.keepFor(5);
    await expect.poll(() => closed).toEqual(['connection']);
    expect(await preparation.take()).toBeUndefined();
  });
});
