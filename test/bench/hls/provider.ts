/** The child process that is a provider of HLS: a live playlist of segments of 2 s. It counts how often each is asked for. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls } from '../remote.ts';

export interface ProviderReport {
  /** Segments that were asked for, and how often all of them were. */
  readonly segments: number;
  readonly requests: number;
}

const SEGMENT_SECONDS = 2;
const LISTED = 6;
const PACKET_BYTES = 188;

const ENTRY = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=5000000\nmedia.m3u8\n';

const asked = new Map<string, number>();

/** @param order media to cut segments from, and its bit rate */
async function start({ file, bytesPerSecond }: { file: string; bytesPerSecond: number }): Promise<string> {
  const media = await readFile(file);
  const length = Math.floor((bytesPerSecond * SEGMENT_SECONDS) / PACKET_BYTES) * PACKET_BYTES;
  const server = createServer(({ url = '' }, response) => {
    const text = url.startsWith('/index') ? ENTRY : url.startsWith('/media') ? playlist() : undefined;
    if (text !== undefined) {
      const head = { 'content-type': 'application/vnd.apple.mpegurl', 'content-length': text.length };
      response.writeHead(200, head).end(text);
      return;
    }
    asked.set(url, (asked.get(url) ?? 0) + 1);
    const n = Number(/\d+/.exec(url)?.[0] ?? 0);
    const from = (n % Math.floor(media.length / length)) * length;
    response
      .writeHead(200, { 'content-type': 'video/mp2t', 'content-length': length })
      .end(media.subarray(from, from + length));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function playlist(): string {
  const first = Math.floor(Date.now() / 1000 / SEGMENT_SECONDS);
  const segments = Array.from({ length: LISTED }, (_, n) => `#EXTINF:${SEGMENT_SECONDS},\ns${first + n}.ts`);
  const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${SEGMENT_SECONDS}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  return `${[...head, ...segments].join('\n')}\n`;
}

function mark(): void {
  asked.clear();
}

function report(): ProviderReport {
  return { segments: asked.size, requests: [...asked.values()].reduce((sum, count) => sum + count, 0) };
}

answerCalls({ start, mark, report });
