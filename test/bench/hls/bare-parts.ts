/** The child process that does the least a Node server can do for low latency: each third of a second it answers all who wait. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls } from '../remote.ts';

const PART_MS = 333;
/** Of a segment of 2 s. */
const PARTS = 6;
const MEDIA = 'application/vnd.apple.mpegurl';

/** @param bytesPerSecond of the media, which nobody looks at */
async function start(bytesPerSecond: number): Promise<string> {
  const part = Buffer.alloc(Math.round((bytesPerSecond * PART_MS) / 1000));
  const startedMs = Date.now();
  let count = PARTS;
  let waiting: ServerResponse[] = [];
  const send = (response: ServerResponse, type: string, body: string | Buffer) =>
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
  setInterval(() => {
    count++;
    const held = waiting;
    waiting = [];
    const text = playlist(count, startedMs);
    for (const response of held) send(response, MEDIA, text);
  }, PART_MS);
  const server = createServer(({ url = '' }, response) => {
    if (url.startsWith('/part')) send(response, 'video/mp4', part);
    else if (url.startsWith('/entry')) send(response, MEDIA, '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia?of=it\n');
    else if (url.includes('_HLS_msn')) waiting.push(response);
    else send(response, MEDIA, playlist(count, startedMs));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/entry`;
}

/** @param count of the parts that there have been */
function playlist(count: number, startedMs: number): string {
  const [n, open] = [Math.floor(count / PARTS), count % PARTS];
  const line = (at: number, p: number) => `#EXT-X-PART:DURATION=${PART_MS / 1000},URI="part?n=${at}&p=${p}"`;
  const parts = (at: number, length: number) => Array.from({ length }, (_, p) => line(at, p));
  const begins = (at: number) =>
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(startedMs + (at - 1) * PARTS * PART_MS).toISOString()}`;
  return [
    ...['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${n - 1}`],
    ...[begins(n - 1), ...parts(n - 1, PARTS), `#EXTINF:${(PARTS * PART_MS) / 1000},`, `part?n=${n - 1}`],
    ...[begins(n), ...parts(n, open), `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part?n=${n}&p=${open}"`, ''],
  ].join('\n');
}

answerCalls({ start });
