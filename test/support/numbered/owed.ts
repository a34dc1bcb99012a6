/**
 * What a viewer is owed after a fault: what the provider sent to whoever lives, by the source's own log. What it never sent again
 * is no loss, and neither is what cannot be decoded from what it sent.
 */
import { type LoopMap, PICTURE_MS, type SentPicture, type SentSound } from './loop-map.ts';

export interface SourceConnection {
  readonly openedAt: number;
  /** The packets that it was sent; undefined when none. */
  readonly sent?: readonly [from: number, to: number];
}

export interface Fault {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** The number of the packet that the source would send next at that moment. */
  readonly atPacket: number;
  /** Whoever read the connections that were there has died, and what it had read has died with it. */
  readonly readerDies: boolean;
  /** How far an encoder was behind then, in ms. What it held has died with it. */
  readonly behindMs?: number;
  /** The next one makes pictures with a new FFmpeg, which can begin at a keyframe only. */
  readonly decoderBegins: boolean;
  /** The viewer goes from the pictures of one encoder to those of another, which it can do at a keyframe only. */
  readonly encoderChanges?: boolean;
}

export interface Owed {
  readonly pictures: ReadonlySet<number>;
  /** Stretches of sound, in ms after the loop's first picture. */
  readonly sounds: readonly SentSound[];
  /** Times at which the provider left something out, in ms of the loop: from what was sent before to what came next. */
  readonly holes: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** What FFmpeg and an unread socket may hold when their worker dies. */
const HELD_MS = 2_000;
/** The same on a machine that is too busy to encode in real time. */
const MAX_HELD_MS = 6_000;
/** From one keyframe of an encoder to the next. */
const GOP_PICTURES = 50;
/** What may be on its way when a connection breaks or a recording ends; the source sends every 25 ms. */
const ON_ITS_WAY_MS = 100;

/**
 * @param connections of the channel, in the order opened
 * @param shown the numbers that the viewer has seen: they tell whether a connection goes on where the viewer was
 */
export function owed(
  map: LoopMap,
  connections: readonly SourceConnection[],
  fault: Fault,
  shown: ReadonlySet<number>,
): Owed {
  const pictures = new Set<number>();
  const sounds: SentSound[] = [];
  const holes: { fromMs: number; toMs: number }[] = [];
  const first = Math.min(...shown);
  for (const { openedAt, sent } of connections) {
    if (sent === undefined) continue;
    if (sent[1] > map.packets) throw new Error('the source has played beyond the end of its loop: numbers come again');
    const wasThere = openedAt < fault.atMs;
    const end = wasThere ? Math.min(fault.atPacket, sent[1]) : sent[1];
    const heldMs = Math.min(MAX_HELD_MS, Math.max(HELD_MS, fault.behindMs ?? 0));
    const withheldMs = wasThere && fault.readerDies ? heldMs : ON_ITS_WAY_MS;
    const untilMs = liveAt(map, end) - withheldMs;
    const whole = map.pictures.filter(
      ({ from, to, number }) => from >= sent[0] && to <= sent[1] && number * PICTURE_MS < untilMs,
    );
    const heard = map.sounds.filter(({ from, to, toMs }) => from >= sent[0] && to <= sent[1] && toMs < untilMs);
    const before = map.pictures[map.pictures.indexOf(whole[0] as SentPicture) - 1];
    const goesOn = before === undefined || before.number < first || shown.has(before.number);
    if (wasThere || (goesOn && !fault.decoderBegins)) {
      for (const { number } of whole) pictures.add(number);
      sounds.push(...heard);
      continue;
    }
    const entry = whole.find(({ keyframe }) => keyframe);
    if (entry === undefined) continue;
    // Leading pictures of an open GOP are sent after the keyframe, and refer to what came before it.
    const decodable = whole.filter(({ from, number }) => from >= entry.from && number >= entry.number);
    for (const { number } of decodable) pictures.add(number);
    sounds.push(...heard.filter(({ from, fromMs }) => from >= entry.from && fromMs >= entry.number * PICTURE_MS));
    const newest = Math.max(-1, ...[...shown].filter((number) => number < entry.number));
    holes.push({ fromMs: (newest + 1) * PICTURE_MS, toMs: entry.number * PICTURE_MS });
  }
  if (fault.encoderChanges === true) for (const number of beforeKeyframe(shown)) pictures.delete(number);
  return { pictures, sounds, holes: holes.filter(({ fromMs, toMs }) => toMs > fromMs) };
}

/** What a viewer lacks who went on with another encoder's next keyframe: the end of what is longest missing. */
function beforeKeyframe(shown: ReadonlySet<number>): number[] {
  const numbers = [...shown].sort((a, b) => a - b);
  const after = numbers.map((number, at) => ({ number, missing: number - (numbers[at - 1] ?? number) - 1 }));
  const longest = after.reduce((one, other) => (other.missing > one.missing ? other : one), { number: 0, missing: 0 });
  const count = Math.min(longest.missing, GOP_PICTURES);
  return Array.from({ length: Math.max(0, count) }, (_, n) => longest.number - 1 - n);
}

/** The time of the newest picture that had been sent before this packet, in ms of the loop. */
export function liveAt(map: LoopMap, packet: number): number {
  const last = map.pictures.findLast(({ to }) => to <= packet);
  return ((last?.number ?? -1) + 1) * PICTURE_MS;
}
