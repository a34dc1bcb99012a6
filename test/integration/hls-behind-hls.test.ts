// Low latency of one worker, passed on by another one that has it as its source: its blocking reloads, its bytes, and its packets.
import { expect } from 'vitest';
import { parseMetrics } from '../support/metrics.ts';
import { packetHashes } from '../support/packet-hashes.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

interface Listed {
  readonly n: number;
  /** Undefined: the whole segment. */
  readonly p: number | undefined;
  readonly uri: string;
}

/** The media that a playlist names, with the numbers that its places have. */
function listedIn(text: string): Listed[] {
  let n = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  let p = 0;
  return text.split('\n').flatMap((line): Listed[] => {
    const part = /^#EXT-X-PART:.*URI="([^"]+)"/.exec(line)?.[1];
    if (part !== undefined) return [{ n, p: p++, uri: part }];
    if (line === '' || line.startsWith('#')) return [];
    p = 0;
    return [{ n: n++, p: undefined, uri: line }];
  });
}

staged('passes on what waits, and every byte', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const env = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '4', HLS_SEGMENT_TIME: '1' };
  const [origin, proxy] = [await stage.worker(env), await stage.worker(env)];
  const { stream_id: made } = await origin.api.createTranscode({ url: source.url, profile: LIGHT });
  const direct = `${origin.url}/hls/${made}/playlist.m3u8?container=fmp4`;
  const { stream_id: id } = await proxy.api.createStream({ url: direct });
  const through = `${proxy.url}/hls/${id}/playlist.m3u8`;
  const [there, here] = [await stage.hlsViewer(direct), await stage.hlsViewer(through)];
  const base = proxy.url + here.path;
  await there.playlist();
  const blockedAt = async ({ api }: Worker) =>
    parseMetrics((await api.get<string>('/metrics')).body).streampool_hls_blocked_requests;

  let next = (await here.playlist()).parsed.mediaSequenceBase ?? 0;
  const seen = new Map<string, string>();
  let held = 0;
  for (let turn = 0; held < 4 && turn < 20; turn++) {
    const { text } = await here.playlist();
    next = Math.max(...listedIn(text).map(({ n }) => n)) + 1;
    const reload = here.playlist(undefined, `_HLS_msn=${next}&_HLS_part=1`);
    let isOver = false;
    const answered = reload.finally(() => {
      isOver = true;
    });
    // On a busy machine it may be answered by the time that somebody looks.
    const look = async () => {
      const counts = await Promise.all([origin, proxy].map(blockedAt));
      return counts.every((count) => count === 1) ? 'held' : isOver && 'over';
    };
    if ((await until(look, { what: 'the reload', everyMs: 10 })) === 'held') held += 1;
    const listed = listedIn((await answered).text);
    expect(listed).toContainEqual(expect.objectContaining({ n: next, p: 1 }));
    for (const { n, p, uri } of listed) seen.set(`${n} ${p ?? ''}`, uri);
  }
  expect(held).toBe(4);
  const bytes = async (uri: string) => Buffer.from(await (await fetch(new URL(uri, base))).arrayBuffer());
  const newest = [...seen].filter(([name]) => Number(name.split(' ')[0]) > next - 5);
  expect(newest.length).toBeGreaterThan(12);
  for (const [name, uri] of newest) {
    const [n, p] = name.split(' ');
    const own = p === '' ? await there.segment(Number(n)) : await there.part(Number(n), Number(p));
    expect([name, (await bytes(uri)).equals(own)]).toEqual([name, true]);
  }

  const [first, second] = await Promise.all([packetHashes(direct, 5), packetHashes(through, 5)]);
  // It reads the initialisation again now and then, and says so.
  const faults = [first, second].flatMap(({ said }) =>
    said.split('\n').filter((line) => !/^$|duplicated MOOV|Last message/.test(line)),
  );
  expect(faults).toEqual([]);
  // Times count from where each one began. A line has the track, two times, the duration, the size and the hash.
  const contents = ({ packets }: { readonly packets: readonly string[] }) =>
    packets.filter((line) => line.startsWith('0,')).map((line) => line.split(',').slice(4).join());
  const [ours, theirs] = [contents(first), contents(second)];
  const at = ours.indexOf(theirs[0] ?? '');
  const [early, late] = at >= 0 ? [ours.slice(at), theirs] : [theirs.slice(theirs.indexOf(ours[0] ?? '')), ours];
  const common = Math.min(early.length, late.length);
  expect(common).toBeGreaterThan(60);
  expect(late.slice(0, common)).toEqual(early.slice(0, common));
});
