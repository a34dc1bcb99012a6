// Each form of HLS that providers have, passed on: players get through the proxy what they get directly.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Leaf, leavesOf } from '../support/hls-leaves.ts';
import { ODD } from '../support/hls-odd.ts';
import { FORM_SECONDS, HLS_FORMS, HlsProvider } from '../support/hls-provider.ts';
import { packetHashes } from '../support/packet-hashes.ts';
import { startWorker, type Worker } from '../support/worker.ts';

let provider: HlsProvider;
let worker: Worker;

beforeAll(async () => {
  provider = await HlsProvider.start(ODD);
  worker = await startWorker({ CLIENT_TIMEOUT: '2', DRAIN_TIMEOUT: '1', STREAM_RETRY_ATTEMPTS: '0' });
});
afterAll(async () => {
  await worker.stop();
  await provider.close();
});

async function entryOf(path: string): Promise<string> {
  const { stream_id: id } = await worker.api.createStream({ url: provider.origin + path });
  return `${worker.url}/hls/${id}/playlist.m3u8`;
}

/** What FFmpeg plays through the proxy, and directly: segments without extensions it refuses itself. */
const PLAYED: readonly (readonly [through: string, direct: string])[] = [
  ...HLS_FORMS.filter((form) => form !== 'iframes').map((form) => `/${form}/index.m3u8`),
  ...['/ranges/without-offsets.m3u8', '/renditions/index.m3u8', '/moved/index.m3u8'],
  ...['/relative.m3u8', '/absolute.m3u8', '/slashes.m3u8', '/extensionless'],
].map((path) => [path, path === '/extensionless' ? '/ts/index.m3u8' : path]);

describe('packet by packet', () => {
  it.concurrent.each(PLAYED)('%s', async (path, directPath) => {
    const [direct, through] = await Promise.all([
      packetHashes(provider.origin + directPath),
      packetHashes(await entryOf(path)),
    ]);
    expect(direct.packets.length).toBeGreaterThan(25 * (FORM_SECONDS - 1));
    // The other one has two variants, with the same media.
    const got =
      path === '/extensionless' ? through.packets.filter((line) => direct.packets.includes(line)) : through.packets;
    expect(got).toEqual(direct.packets);
    expect(through.said).toBe('');
  });
});

describe('byte by byte', () => {
  const told = ({ tag, bytes }: Leaf) => `${tag} ${bytes.length} ${bytes.toString('base64', 0, 60)}`;

  it.concurrent.each([
    ...HLS_FORMS.map((form) => [`/${form}/index.m3u8`, form.startsWith('iframes') ? 'keyframes' : 'files'] as const),
    ['/ranges/without-offsets.m3u8', 'ranges'],
    ['/trick.m3u8', 'keyframes beside pictures'],
    ['/titled.m3u8', 'two sounds and subtitles beside pictures'],
    ['/extensionless', 'names that say nothing'],
  ] as const)('%s: %s', async (path) => {
    const [direct, through] = await Promise.all([leavesOf(provider.origin + path), leavesOf(await entryOf(path))]);
    expect(direct.length).toBeGreaterThanOrEqual(4);
    expect(through.map(told)).toEqual(direct.map(told));
    for (const [at, { bytes }] of direct.entries()) expect(through[at]?.bytes.equals(bytes)).toBe(true);
  });
});
