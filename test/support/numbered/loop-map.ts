/** Which packets of a numbered loop carry which picture and which sound, so that the source's log says what was sent. */
import type { LoopName } from '../fixtures.ts';
import { judgeTs, type PesRecord } from '../judge/index.ts';
import { type Loop, loadLoop } from '../live/loop.ts';

/** The fixtures whose pictures and tones are numbered. */
export type NumberedLoop = Extract<LoopName, `numbered${string}`>;
/** Of one picture, in 90 kHz and in ms. */
export const PICTURE_TICKS = 3600;
export const PICTURE_MS = 40;

/** What fills these packets of the loop, from the first up to, and without, the second. */
interface Sent {
  readonly from: number;
  readonly to: number;
}

export interface SentPicture extends Sent {
  readonly number: number;
  readonly keyframe: boolean;
}

export interface SentSound extends Sent {
  /** When it is heard, in ms after the loop's first picture. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface LoopMap {
  /** In the order sent: the order in which they are decoded. */
  readonly pictures: readonly SentPicture[];
  readonly sounds: readonly SentSound[];
  readonly packets: number;
}

export async function loopMap(name: NumberedLoop): Promise<LoopMap> {
  const loop = await loadLoop(name);
  const { video, audio } = judgeTs(loop.bytes);
  if (video === undefined || audio === undefined) throw new Error(`the loop ${name} lacks pictures or sound`);
  const shown = [...video.ptsList].sort((a, b) => a - b);
  const firstPts = shown[0] ?? 0;
  const numberOf = new Map(shown.map((pts, number) => [pts, number]));
  const pictures = packetsOf(loop, video.pid, video.pes).map(([pes, packets]) => ({
    ...packets,
    number: numberOf.get(pes.pts) ?? 0,
    keyframe: pes.keyframe === true,
  }));
  const endMs = loop.fixture.loopTicks / 90;
  const sounds = packetsOf(loop, audio.pid, audio.pes).map(([pes, packets], at) => {
    const next = audio.pes[at + 1];
    const fromMs = (pes.pts - firstPts) / 90;
    return { ...packets, fromMs, toMs: next === undefined ? endMs : (next.pts - firstPts) / 90 };
  });
  return { pictures, sounds, packets: loop.packets };
}

function packetsOf(loop: Loop, pid: number, units: readonly PesRecord[]): [PesRecord, Sent][] {
  return units.map((pes, at) => {
    const end = units[at + 1]?.packetIndex ?? loop.packets;
    let last = end - 1;
    while (loop.pids[last] !== pid) last--;
    return [pes, { from: pes.packetIndex, to: last + 1 }];
  });
}
