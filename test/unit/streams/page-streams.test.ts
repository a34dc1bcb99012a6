/** Streams of web pages: their media is found once for all, when they are first played, and anew when it stops working. */
import { expect, it, vi } from 'vitest';
import { StreampoolError } from '../../../services/proxy/src/errors.ts';
import { ADDRESS_EXPIRES, type PageMedia } from '../../../services/proxy/src/streams/failover-group.ts';
import { renewAtMs } from '../../../services/proxy/src/streams/renewal.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import { pipeUrl } from '../../../services/proxy/src/upstream/provider/page-pipe.ts';
import { isLiveByName } from '../../../services/proxy/src/upstream/provider/source-kind.ts';
import { groupOf, sourceKey } from '../../../services/registry/groups.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import type { StreamPage, StreamSpec } from '../../../services/registry/types.ts';
import { failoverGroups } from '../../support/failover-groups.ts';
import { SPEC } from '../../support/stream-spec.ts';

const PAGE: StreamPage = { resolver: 'ytdlp', args: 'best', key: 'k1' };

/** A stream of a page, and a resolver that finds what it is told to. */
async function pageStream(finds: (() => PageMedia)[], more: Partial<StreamSpec> = {}) {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const answer = await registry.createStream({ ...SPEC, url: 'http://tv.test/watch', page: PAGE, ...more }, 0);
  if (answer === 'full') throw new Error('there is room for one');
  const asked: string[] = [];
  const groupFor = failoverGroups({
    registry,
    askPage: async (page, url) => {
      asked.push(`${page.resolver} ${url}`);
      const find = finds.shift();
      if (find === undefined) throw new StreampoolError(502, 'yt-dlp found no media: it is over.');
      return find();
    },
  });
  return { source: new StreamSource(answer.stream, groupFor), asked, registry, stream: answer.stream };
}

const media =
  (url: string, more: Partial<PageMedia> = {}) =>
  (): PageMedia => ({ url, headers: {}, userAgent: undefined, ...more });

const renewed = (source: StreamSource) => source.advance(source.index, { reason: ADDRESS_EXPIRES });

it('is found once, however many come at the same time, with what its server wants to hear', async () => {
  const found = media('http://cdn.test/1.m3u8', {
    headers: { Referer: 'http://tv.test/', 'X-A': 'page' },
    userAgent: 'Page/1',
    variant: 'http://cdn.test/720.m3u8',
  });
  const { source, asked, registry, stream } = await pageStream([found], { headers: { 'X-A': 'stream' } });
  expect(source.address.url).toBe('http://tv.test/watch');
  await Promise.all([source.findMedia(), source.findMedia(), source.findMedia()]);
  await source.findMedia();
  expect(asked).toEqual(['ytdlp http://tv.test/watch']);
  expect(source.address).toMatchObject({
    url: 'http://cdn.test/1.m3u8',
    headers: { Referer: 'http://tv.test/', 'X-A': 'stream' },
    userAgent: 'Page/1',
    variant: 'http://cdn.test/720.m3u8',
  });
  // Another worker that reads the record plays the same.
  expect((await registry.stream(stream.id))?.failover).toMatchObject({
    index: 0,
    currentUrl: 'http://cdn.test/1.m3u8',
  });
});

it('is found anew when it stops working, and what the page said before does not stay', async () => {
  const { source, asked } = await pageStream([
    media('http://cdn.test/1.m3u8', { headers: { Cookie: 'a=1' }, userAgent: 'Page/1' }),
    media('http://cdn.test/2.m3u8'),
  ]);
  await source.findMedia();
  expect(source.canFailOver).toBe(true);
  expect(await source.advance(0, { reason: 'http_status', status: 403 })).toBe(true);
  expect(asked).toHaveLength(2);
  expect(source.address).toMatchObject({ url: 'http://cdn.test/2.m3u8', headers: {}, userAgent: SPEC.userAgent });
});

it('stays where it plays when the page has no other address before this one stops working', async () => {
  const sound = { url: 'http://cdn.test/1.m4a', headers: { Cookie: 'a=1' }, userAgent: 'Sound/1' };
  const { source } = await pageStream(
    [media('http://cdn.test/1.mp4', { audio: sound, expiresAtMs: 5 }), media('http://cdn.test/1.mp4')],
    { failoverUrls: ['http://backup.test/1.ts'], headers: { 'X-A': 'stream' } },
  );
  await source.findMedia();
  expect(source.state.expiresAtMs).toBe(5);
  expect(source.address.audio).toEqual({ ...sound, headers: { Cookie: 'a=1', 'X-A': 'stream' } });
  expect([await renewed(source), await renewed(source)]).toEqual([false, false]);
  expect(source.address.url).toBe('http://cdn.test/1.mp4');
  expect(await source.advance(0, { reason: 'stalled' })).toBe(true);
  expect(source.address).toMatchObject({ url: 'http://backup.test/1.ts' });
  expect(source.address.audio).toBeUndefined();
});

it('goes on where the same playlist names its qualities by other addresses', async () => {
  const url = 'http://cdn.test/master.m3u8';
  const finds = [1, 1, 2].map((n) => media(url, { variant: `http://cdn.test/720.m3u8?token=${n}` }));
  const { source } = await pageStream(finds);
  await source.findMedia();
  expect([await renewed(source), await renewed(source)]).toEqual([false, true]);
  expect(source.address).toMatchObject({ url, variant: 'http://cdn.test/720.m3u8?token=2' });
});

it.each([
  ['one that says when it ends, a minute before', { expiresAtMs: 3_600_000, lastAtMs: 1_000 }, 3_540_000],
  ['a short-lived one, when it has played for a minute', { expiresAtMs: 70_000, lastAtMs: 1_000 }, 61_000],
  ['one that had ended before it was found, never', { expiresAtMs: 1_000, lastAtMs: 1_000 }, undefined],
  ['one that does not say when it ends, never', { lastAtMs: 1_000 }, undefined],
])('has its address renewed: %s', (_what, state, expected) => {
  expect(renewAtMs({ index: 0, attempts: 1, currentUrl: 'http://cdn.test/', ...state })).toBe(expected);
});

it('says why it was not found, and is looked for again by the next viewer', async () => {
  const { source, asked } = await pageStream([
    () => {
      throw new StreampoolError(502, 'yt-dlp found no media: This video is private.');
    },
    media('http://cdn.test/1.m3u8'),
  ]);
  await expect(source.findMedia()).rejects.toThrow('This video is private');
  await source.findMedia();
  expect(asked).toHaveLength(2);
  expect(source.address.url).toBe('http://cdn.test/1.m3u8');
});

it('goes on with its failover URLs where the page gives nothing', async () => {
  const { source } = await pageStream([], { failoverUrls: ['http://backup.test/1.ts'] });
  await source.findMedia();
  expect(source.address.url).toBe('http://backup.test/1.ts');
});

it('goes on with each of its failover URLs in turn when what the page gives again does not play either', async () => {
  const failoverUrls = ['http://backup.test/1.ts', 'http://backup.test/2.ts'];
  const finds = [1, 2, 3].map((n) => media(`http://cdn.test/${n}.m3u8`, { headers: { Cookie: `c=${n}` } }));
  const { source } = await pageStream(finds, { failoverUrls });
  await source.findMedia();
  const played: string[] = [];
  for (let index = 0; await source.advance(index, { reason: 'stalled' }); index += 1) played.push(source.address.url);
  const [one, two] = failoverUrls;
  expect(played).toEqual(['http://cdn.test/2.m3u8', one, two, 'http://cdn.test/3.m3u8', one, two]);
  expect(source.address.headers).toEqual({});
});

it.each([
  [403, 'address_refused'],
  [410, 'address_refused'],
  [500, 'stream_error'],
])('tells of a move to another address of the page, after %i for the reason %s', async (status, reason) => {
  const finds = [1, 2].map((n) => media(`http://cdn.test/${n}.m3u8`));
  const { source, registry } = await pageStream(finds, { failoverUrls: ['http://backup.test/1.ts'] });
  const told = vi.spyOn(registry, 'advanceFailover');
  await source.findMedia();
  await source.advance(0, { reason: 'stream_error', status });
  await source.advance(1, { reason: 'stream_error', status: 403 });
  await source.advance(2, { reason: 'stream_error', status: 403 });
  const news = told.mock.calls.slice(1).map(([, , , why]) => why);
  expect(news).toEqual([
    { reason, oldUrl: 'http://cdn.test/1.m3u8', newUrl: 'http://cdn.test/2.m3u8', index: -1, page: 'ytdlp' },
    expect.objectContaining({ reason: 'address_refused', newUrl: 'http://backup.test/1.ts', index: 0 }),
  ]);
});

it('plays what the program puts out, when the page has no address of media', async () => {
  const { source, asked } = await pageStream([media(pipeUrl('http://tv.test/watch'))]);
  expect(source.address.pipe).toBeUndefined();
  await source.findMedia();
  expect(asked).toHaveLength(1);
  expect(source.address).toMatchObject({ isFound: true, pipe: { ...PAGE, url: 'http://tv.test/watch' } });
  expect(isLiveByName(source.address.url)).toBe(true);
});

it('does not take the address of another page for what the program puts out', async () => {
  const { source } = await pageStream([], { failoverUrls: [pipeUrl('http://other.test/')] });
  await source.findMedia();
  expect(source.address.pipe).toBeUndefined();
});

it('is found anew when somebody chooses the page, and plays one of its failover URLs when somebody chooses that', async () => {
  const failoverUrls = ['http://backup.test/1.ts'];
  const finds = [1, 2].map((n) => media(`http://cdn.test/${n}.m3u8`, { headers: { Cookie: `c=${n}` } }));
  const { source } = await pageStream(finds, { failoverUrls });
  await source.findMedia();
  expect(await source.moveTo(0)).toEqual([SPEC.id]);
  expect(source.address).toMatchObject({ url: failoverUrls[0], headers: {} });
  expect(await source.moveTo(0)).toEqual([]);
  expect(await source.moveTo(-1)).toEqual([SPEC.id]);
  expect(source.address).toMatchObject({ url: 'http://cdn.test/2.m3u8', headers: { Cookie: 'c=2' } });
});

it('moves with the streams of the same page that are asked for alike, and with no others', () => {
  const spec = { ...SPEC, page: PAGE };
  expect(groupOf(SPEC)).toBeUndefined();
  expect(groupOf(spec)).toBe(groupOf({ ...spec, page: { ...PAGE } }));
  expect(groupOf(spec)).not.toBe(groupOf({ ...spec, page: { ...PAGE, key: 'k2' } }));
  expect(sourceKey(SPEC)).not.toBe(sourceKey(spec));
});
