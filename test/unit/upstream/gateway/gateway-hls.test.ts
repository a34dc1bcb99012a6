/** FFmpegs that open the same HLS source: the provider sees one reader. */

import { expect, it, onTestFinished } from 'vitest';
import { Gateway } from '../../../../services/proxy/src/upstream/gateway/gateway.ts';
import { CachedHls } from '../../../../services/proxy/src/upstream/hls/cached-hls.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import { HlsRequests } from '../../../../services/proxy/src/upstream/hls/hls-requests.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { ProviderConnections } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../../services/registry/memory/memory-registry.ts';
import { eventually, openGuard, packets, serve } from '../support.ts';

const ENTRY = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow\n#EXT-X-STREAM-INF:BANDWIDTH=5000\nhigh\n';
const LIVE = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nseg1.ts\n';
const SEGMENT = packets(100);

async function channel(isHls = true) {
  const tv = await serve(({ url = '', headers }, response) => {
    if (!isHls || url.endsWith('.ts')) {
      if (headers.range === 'bytes=9-') response.writeHead(416, { 'content-range': `bytes */${SEGMENT.length}` }).end();
      else response.writeHead(200, { 'content-type': 'video/mp2t' }).end(SEGMENT);
    } else if (url === '/moved') response.writeHead(302, { location: '/low' }).end();
    else response.end(url === '/1.m3u8' ? ENTRY : LIVE);
  });
  const guard = openGuard();
  const memories = new SourceMemories();
  const settings = {
    connectTimeoutMs: 1_000,
    readTimeoutMs: 1_000,
    liveChunkTimeoutMs: 1_000,
    sourceMaxConnections: 0,
  };
  const source = { url: `${tv.origin}/1.m3u8`, headers: {}, userAgent: 'Tester/1' };
  const from = new HlsRequests({ guard, memories, settings }).of({ source });
  const shared = new CachedHls({ name: 'h', from, cache: new HlsCache(1024 ** 2), now: () => performance.now() });
  let open = 0;
  const identity = { workerId: 'w', incarnation: 'i', address: '', zone: undefined };
  const registry = new MemoryRegistry(identity, 0);
  const gateway = new Gateway({
    guard,
    memories,
    connections: new ProviderConnections({ max: 0, registry, reclaim: async () => undefined }),
    connectTimeoutMs: 1_000,
    headersTimeoutMs: 1_000,
    stallTimeoutMs: 1_000,
    clientStallTimeoutMs: 200,
    openHls: () => {
      open += 1;
      return {
        name: 'h',
        isSingle: false,
        playlist: (ask) => shared.playlist(ask),
        media: (ask) => shared.media(ask),
        release: () => {
          open -= 1;
        },
      };
    },
  });
  await gateway.listen();
  onTestFinished(() => gateway.close());
  const asked = () => tv.requests.map(({ url }) => url);
  return { gateway, source, asked, open: () => open };
}

const addresses = (playlist: string): string[] => playlist.split('\n').filter((line) => line.startsWith('http'));
const text = async (url: string) => (await fetch(url)).text();

it('fetches each thing once for all of them, and each has addresses of its own', async () => {
  const { gateway, source, asked, open } = await channel();
  const sessions = [gateway.register(source), gateway.register(source), gateway.register(source)];
  const segments = await Promise.all(
    sessions.map(async ({ url }) => {
      const [low = ''] = addresses(await text(url));
      const [segment = ''] = addresses(await text(low));
      // As FFmpeg asks.
      const answer = await fetch(segment, { headers: { range: 'bytes=0-' } });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'video/mp2t']);
      expect(Buffer.from(await answer.arrayBuffer()).equals(SEGMENT)).toBe(true);
      return segment;
    }),
  );
  expect(new Set(segments).size).toBe(3);
  expect(asked()).toEqual(['/1.m3u8', '/low', '/seg1.ts']);
  expect(open()).toBe(3);
  const beyond = await fetch(segments[0] ?? '', { headers: { range: 'bytes=9-' } });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${SEGMENT.length}`]);
  for (const session of sessions) session.close();
  expect(open()).toBe(0);
});

it('says to FFmpeg what the provider said, and keeps why', async () => {
  const { gateway, source } = await channel();
  const session = gateway.register({ ...source, url: source.url });
  await text(session.url);
  const gone = gateway.register({ ...source, url: 'http://127.0.0.1:1/1.m3u8' });
  expect((await fetch(session.url)).status).toBe(200);
  expect(session.lastError).toBeUndefined();
  expect((await fetch(gone.url)).status).toBe(502);
  expect(gone.lastError?.reason).toBe('refused');
});

it('opens what is only called HLS by itself', async () => {
  const { gateway, source, asked, open } = await channel(false);
  const session = gateway.register(source);
  const bytes = async () => Buffer.from(await (await fetch(session.url)).arrayBuffer());
  expect((await bytes()).equals(SEGMENT)).toBe(true);
  await eventually(() => open() === 0);
  expect((await bytes()).equals(SEGMENT)).toBe(true);
  expect(asked()).toEqual(['/1.m3u8', '/1.m3u8', '/1.m3u8']);
});

it('leaves an FFmpeg that one viewer paces a connection of its own', async () => {
  const { gateway, source, open } = await channel();
  const place = { giveBack: () => undefined, take: async () => undefined };
  const session = gateway.register(source, undefined, place);
  expect(addresses(await text(session.url))).toHaveLength(2);
  expect(open()).toBe(0);
});
