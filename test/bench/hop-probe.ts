/** The child process that watches one stream at two workers, and says how much later each picture comes at the second. */
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from './remote.ts';

export interface HopOrder {
  local: string;
  relayed: string;
  seconds: number;
}

const PACKET = 188;
/** Media that joining viewers get at once is not live. */
const SETTLE_MS = 4_000;

/** When each picture came, by its PID and PTS: both workers send the same ones. */
class PictureTimes {
  readonly times = new Map<string, number>();
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    const nowMs = performance.now();
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; at + PACKET <= data.length; at += PACKET) {
      const name = pictureName(data.subarray(at, at + PACKET));
      if (name !== undefined) this.times.set(name, nowMs);
    }
    this.#rest = Buffer.from(data.subarray(at));
  }
}

/** Undefined for a packet that does not begin a picture with a PTS. */
function pictureName(packet: Buffer): string | undefined {
  const head = packet.readUInt32BE(0);
  if ((head & 0x400000) === 0) return undefined;
  const payload = 4 + (head & 0x20 ? 1 + packet.readUInt8(4) : 0);
  if (payload + 14 > PACKET || packet.readUIntBE(payload, 3) !== 1) return undefined;
  if ((packet.readUInt8(payload + 3) & 0xf0) !== 0xe0) return undefined;
  if ((packet.readUInt8(payload + 7) & 0x80) === 0) return undefined;
  return `${(head >>> 8) & 0x1fff} ${packet.toString('hex', payload + 9, payload + 14)}`;
}

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, resolve).once('error', reject);
  });
}

/** @returns for each picture that came to both, how much later it came to the relayed one, in ms */
async function watch({ local, relayed, seconds }: HopOrder): Promise<number[]> {
  const [here, there] = [new PictureTimes(), new PictureTimes()];
  const responses = [await open(local), await open(relayed)] as const;
  for (const [n, response] of responses.entries()) {
    response.on('data', (chunk: Buffer) => (n === 0 ? here : there).push(chunk));
    response.on('error', () => undefined);
  }
  await sleep(SETTLE_MS);
  here.times.clear();
  await sleep(seconds * 1000);
  const until = performance.now() - 1_000;
  for (const response of responses) response.destroy();
  return [...here.times].flatMap(([name, ms]) => {
    const later = there.times.get(name);
    // What came last here may still have been on its way there.
    return later === undefined || ms > until ? [] : [later - ms];
  });
}

answerCalls({ watch });
