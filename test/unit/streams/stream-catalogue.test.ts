import { expect, it } from 'vitest';
import { loadConfig } from '../../../services/proxy/src/config/config.ts';
import { definitionBytes, MAX_DEFINITION_BYTES } from '../../../services/proxy/src/streams/definition-size.ts';
import {
  type CatalogueDeps,
  StreamCatalogue,
  type StreamOrder,
  type TranscodeOrder,
} from '../../../services/proxy/src/streams/stream-catalogue.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';

const URL = 'http://tv.test/a.ts';

function catalogue(more: Partial<CatalogueDeps> = {}) {
  const stored: StreamSpec[] = [];
  const deps = {
    registry: {
      createStream: (spec: StreamSpec) => {
        stored.push(spec);
        return Promise.resolve('full');
      },
    },
    guard: { checkLiteral: () => undefined },
    defaultUserAgent: 'test',
    maxStreams: 1,
    strategy: 'url_profile',
    hardware: { type: 'cpu', device: '', hevc: true },
    ...more,
  } as unknown as CatalogueDeps;
  const transcode = (order: TranscodeOrder) => new StreamCatalogue(deps).createTranscoded(order);
  return { stored, transcode, create: (order: StreamOrder) => new StreamCatalogue(deps).createDirect(order) };
}

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, '']));

it.each<[string, StreamOrder]>([
  ['a long text', { url: URL, metadata: { title: 'x'.repeat(32_768) } }],
  ['a text of characters that take two bytes', { url: URL, metadata: { title: 'é'.repeat(16_384) } }],
  ['many short entries, which are objects in the heap', { url: URL, metadata: many(400) }],
  ['many failover URLs', { url: URL, failoverUrls: Array.from({ length: 300 }, () => URL) }],
  ['a long URL, which is stored three times', { url: `${URL}?${'x'.repeat(11_000)}` }],
  ['many headers', { url: URL, headers: many(400) }],
])('answers 413 for a stream whose definition is larger than 32 KB, and stores nothing: %s', async (_what, order) => {
  const { stored, create } = catalogue();
  await expect(create(order)).rejects.toMatchObject({ status: 413 });
  expect(stored).toEqual([]);
});

it.each<[string, StreamOrder]>([
  ['a long text', { url: URL, metadata: { title: 'x'.repeat(30_000) } }],
  [
    'as many failover URLs as the API takes',
    { url: URL, failoverUrls: Array.from({ length: 100 }, (_, n) => `${URL}?${n}${'x'.repeat(150)}`) },
  ],
  ['a long URL', { url: `${URL}?${'x'.repeat(8_000)}` }],
])('stores what clients ask for: %s', async (_what, order) => {
  const { stored, create } = catalogue();
  await expect(create(order)).rejects.toMatchObject({ status: 503 });
  expect(stored).toHaveLength(1);
  expect(definitionBytes(stored[0] as StreamSpec)).toBeLessThanOrEqual(MAX_DEFINITION_BYTES);
});

it('leaves room for all streams in the smallest Redis that is deployed, of 0.5 GiB', () => {
  expect(loadConfig({}).maxStreams * MAX_DEFINITION_BYTES).toBeLessThanOrEqual(0.35 * 0.5 * 2 ** 30);
});

it.each<[setting: boolean | undefined, asked: boolean | undefined, is: boolean | undefined]>([
  [undefined, undefined, undefined],
  [true, undefined, true],
  [false, undefined, false],
  [true, false, false],
  [false, true, true],
])('USE_STICKY_SESSION %s and a stream that says %s: %s', async (setting, asked, is) => {
  const { stored, create } = catalogue({ stickySession: setting });
  await expect(create({ url: URL, stickySession: asked })).rejects.toMatchObject({ status: 503 });
  expect(stored[0]?.stickySession).toBe(is);
});

it('sends what a template says to the provider, where the request does not say it', async () => {
  const profile =
    '-user_agent Template -headers "Referer: t\\r\\nX-A: t" -i {input_url} -c copy -f mpegts {output_args}';
  const { stored, transcode } = catalogue();
  await expect(transcode({ url: URL, profile })).rejects.toMatchObject({ status: 503 });
  expect(stored[0]).toMatchObject({ userAgent: 'Template', headers: { Referer: 't', 'X-A': 't' } });
  const own = { userAgent: 'Own', headers: { referer: 'own' } };
  await expect(transcode({ url: URL, profile, ...own })).rejects.toMatchObject({ status: 503 });
  expect(stored[1]).toMatchObject({ userAgent: 'Own', headers: { referer: 'own', 'X-A': 't' } });
  expect(Object.keys(stored[1]?.headers ?? {})).not.toContain('Referer');
  expect(stored[0]?.id).not.toBe(stored[1]?.id);
});
