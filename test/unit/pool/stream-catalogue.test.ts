import { expect, it } from 'vitest';
import { type CatalogueDeps, StreamCatalogue } from '../../../services/proxy/src/pool/stream-catalogue.ts';

it('answers 413 for a stream whose definition is larger than 64 KB, and stores nothing', async () => {
  let stored = 0;
  const deps = {
    registry: {
      createStream: () => {
        stored += 1;
        return Promise.resolve('full');
      },
    },
    guard: { checkLiteral: () => undefined },
    defaultUserAgent: 'test',
    maxStreams: 1,
  } as unknown as CatalogueDeps;
  const catalogue = new StreamCatalogue(deps);
  const order = (size: number) => ({ url: 'http://tv.test/a.ts', metadata: { title: 'x'.repeat(size) } });
  await expect(catalogue.createDirect(order(65_536))).rejects.toMatchObject({ status: 413 });
  expect(stored).toBe(0);
  await expect(catalogue.createDirect(order(60_000))).rejects.toMatchObject({ status: 503 });
  expect(stored).toBe(1);
});
