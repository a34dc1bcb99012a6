/** A provider that sends one short clip to each connection, from its beginning, in real time: an "offline" notice, or a recording that is over. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoopName } from '../../support/fixtures.ts';
import { CARRIES, type Loop, loadLoop, PACKET } from '../../support/live/loop.ts';

export interface Clip {
  readonly fixture: LoopName;
  /** Sent at once at the beginning, in seconds of media. */
  readonly burstSeconds?: number;
  /** 1 is real time. */
  readonly speed?: number;
  /** When the clip is over: the end of the response (default), or the clip again on the same connection. */
  readonly after?: 'end' | 'again';
  /** Media is encrypted for so many seconds, or for good. */
  readonly scrambledSeconds?: number;
}

const TICKS_PER_MS = 90;
const STEP_MS = 40;

export class ClipSource {
  readonly #server: Server;
  /** Connections so far, by path. */
  readonly connections = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param clips by path */
  static async start(clips: Readonly<Record<string, Clip>>): Promise<ClipSource> {
    const loops = new Map<string, Loop>();
    for (const [path, { fixture }] of Object.entries(clips)) loops.set(path, await loadLoop(fixture));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const source = new ClipSource(server);
    server.on('request', (request, response: ServerResponse) => {
      const path = request.url ?? '';
      const [clip, loop] = [clips[path], loops.get(path)];
      source.connections.set(path, (source.connections.get(path) ?? 0) + 1);
      if (clip === undefined || loop === undefined) response.writeHead(404).end();
      else void play(clip, loop, response.writeHead(200, { 'content-type': 'video/mp2t' }));
    });
    return source;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function play(clip: Clip, loop: Loop, response: ServerResponse): Promise<void> {
  const { burstSeconds = 0, speed = 1, after = 'end', scrambledSeconds = 0 } = clip;
  const startedMs = performance.now();
  do {
    const roundMs = after === 'again' ? performance.now() : startedMs;
    let packet = 0;
    while (packet < loop.packets && !response.destroyed) {
      const dueTicks = ((performance.now() - roundMs) * speed + burstSeconds * 1000) * TICKS_PER_MS;
      let until = packet;
      while (until < loop.packets && (loop.due[until] ?? 0) <= dueTicks) until++;
      const bytes = Buffer.from(loop.bytes.subarray(packet * PACKET, until * PACKET));
      if (performance.now() - startedMs < scrambledSeconds * 1000) scramble(bytes, loop, packet);
      if (bytes.length > 0) response.write(bytes);
      packet = until;
      await sleep(STEP_MS);
    }
  } while (after === 'again' && !response.destroyed);
  response.end();
}

/** transport_scrambling_control 11 (odd key), and a payload that nobody can read. */
function scramble(bytes: Buffer, loop: Loop, firstPacket: number): void {
  for (let at = 0; at < bytes.length; at += PACKET) {
    const carries = loop.carries[firstPacket + at / PACKET] ?? 0;
    if ((carries & CARRIES.media) === 0 || (carries & CARRIES.payload) === 0) continue;
    const control = bytes[at + 3] as number;
    bytes[at + 3] = control | 0xc0;
    const from = at + 4 + (control & 0x20 ? 1 + (bytes[at + 4] as number) : 0);
    for (let i = from; i < at + PACKET; i++) bytes[i] = (bytes[i] as number) ^ 0xa5;
  }
}
