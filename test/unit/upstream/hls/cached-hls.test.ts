/** What is asked of a source once, and how long it counts. */

import { expect, it } from 'vitest';
import { CachedHls } from '../../../../services/proxy/src/upstream/hls/cached-hls.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import type { HlsUpstream } from '../../../../services/proxy/src/upstream/hls/hls-upstream.ts';
import type { Media } from '../../../../services/proxy/src/upstream/hls/shared-media.ts';

const MEDIA = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:4,\n1.ts\n';
const MULTIVARIANT = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow\n';

function source(text: string, ageMs = 0) {
  const clock = { nowMs: 0 };
  const asked: string[] = [];
  const from: HlsUpstream = {
    isSingle: false,
    playlist: async ({ url }) => {
      asked.push(url);
      return { text, url, ageMs };
    },
    media: async ({ url, range = '' }): Promise<Media> => {
      asked.push(`${url} ${range}`);
      const pieces = [Buffer.from(url)];
      return { head: { status: 200, headers: {} }, body: { read: async () => pieces.shift(), close: () => undefined } };
    },
  };
  const cached = new CachedHls({ name: 'h:a', from, cache: new HlsCache(1024), now: () => clock.nowMs });
  return { cached, asked, clock };
}

it('asks for a playlist once for all, and again when half a target duration is over', async () => {
  const { cached, asked, clock } = source(MEDIA);
  const look = () => cached.playlist({ url: 'a' });
  expect(new Set((await Promise.all([look(), look(), look()])).map(({ text }) => text)).size).toBe(1);
  clock.nowMs = 1_999;
  expect((await look()).ageMs).toBe(1_999);
  expect(asked).toEqual(['a']);
  clock.nowMs = 2_000;
  expect((await look()).ageMs).toBe(0);
  expect(asked).toEqual(['a', 'a']);
  expect(cached.targetDurationMs).toBe(4_000);
});

it('counts the time for which another worker has kept a playlist', async () => {
  const { cached, asked, clock } = source(MEDIA, 1_500);
  await cached.playlist({ url: 'a' });
  clock.nowMs = 499;
  expect((await cached.playlist({ url: 'a' })).ageMs).toBe(1_999);
  clock.nowMs = 500;
  await cached.playlist({ url: 'a' });
  expect(asked).toEqual(['a', 'a']);
});

it('keeps an entry for 3 s, and each address, header and part by itself', async () => {
  const { cached, asked, clock } = source(MULTIVARIANT);
  await cached.playlist({ url: 'a' });
  clock.nowMs = 2_999;
  await cached.playlist({ url: 'a' });
  await cached.playlist({ url: 'a', headers: { Referer: 'http://s' } });
  await cached.playlist({ url: 'a?_HLS_msn=3' });
  expect(asked).toEqual(['a', 'a', 'a?_HLS_msn=3']);
  const bytes = async (range?: string) => {
    const { body } = await cached.media({ url: 's', range });
    const read = String(await body.read());
    body.close();
    return read;
  };
  expect([await bytes(), await bytes(), await bytes('bytes=0-1')]).toEqual(['s', 's', 's']);
  expect(asked.slice(3)).toEqual(['s ', 's bytes=0-1']);
});

it('keeps no failure', async () => {
  let fails = true;
  const from: HlsUpstream = {
    isSingle: false,
    playlist: async ({ url }) => {
      if (fails) throw new Error('refused');
      return { text: MEDIA, url, ageMs: 0 };
    },
    media: async () => {
      throw new Error('refused');
    },
  };
  const cached = new CachedHls({ name: 'h:a', from, cache: new HlsCache(1024), now: () => 0 });
  await expect(cached.playlist({ url: 'a' })).rejects.toThrow('refused');
  fails = false;
  expect((await cached.playlist({ url: 'a' })).text).toBe(MEDIA);
});
