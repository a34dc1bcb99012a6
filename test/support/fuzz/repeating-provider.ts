/**
 * A channel whose every picture has a number, and a provider that begins each connection with some of the past. The channel may
 * repeat itself, stand still, or have a clock that jumps. All from a seed, on a virtual clock.
 */

import { writeTimestamp } from '../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { AUDIO_PID, H264_AND_AAC, TsBuilder } from '../../unit/mpegts/build-ts.ts';
import { pick } from '../seed.ts';

type Random = () => number;

export const PICTURE_MS = 40;
const PICTURE_TICKS = 3_600;
const PACKET = 188;
const PAYLOAD = 184;
/** In a PES: behind a header with two times. */
const NUMBER_BEHIND = 19;
const KEYFRAME = [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65, 0x88];
const OTHER = [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x41, 0x9a];
/** Where its pictures are in a programme of its own. */
const OTHER_VIDEO_PID = 0x120;

export interface RepeatingChannel {
  readonly what: string;
  /** Each picture looks like no other one. */
  readonly isPlain: boolean;
  /** Its clock never jumps. */
  readonly isEven: boolean;
  /** Its tables never change. */
  readonly isOneProgramme: boolean;
  /** Pictures from one keyframe to the next. */
  readonly gop: number;
  /** What this picture shows. */
  readonly content: (n: number) => number;
  readonly bytes: (n: number) => number;
  /** On the channel's own clock. */
  readonly ticks: (n: number) => number;
  readonly videoPid: (n: number) => number;
}

/** What pictures show. */
const LOOKS: Readonly<Record<string, (random: Random) => (n: number) => number>> = {
  'each picture once': () => (n) => n,
  'a loop': (random) => {
    const length = 20 + Math.floor(random() * 400);
    return (n) => n % length;
  },
  'nothing moves': () => () => 7,
  'it stands still again and again': (random) => {
    const length = 25 + Math.floor(random() * 200);
    return (n) => (n % (2 * length) < length ? n : 0);
  },
  'the same keyframe each time': (random) => {
    const gop = 10 + Math.floor(random() * 40);
    return (n) => (n % gop === 0 ? 0 : n);
  },
};

/** How many ticks its clock has jumped by until a picture. */
const CLOCKS: Readonly<Record<string, (random: Random) => (n: number) => number>> = {
  'an even clock': () => () => 0,
  'a clock that jumps back by a little again and again': (random) => {
    const every = 20 + Math.floor(random() * 100);
    const back = Math.floor(random() * 90_000);
    return (n) => -back * Math.floor(n / every);
  },
  'a clock that jumps by an hour': (random) => {
    const at = Math.floor(random() * 1_000);
    const by = (random() < 0.5 ? -1 : 1) * 3_600 * 90_000;
    return (n) => (n < at ? 0 : by);
  },
  'a clock that jumps to and fro': (random) => {
    const every = 30 + Math.floor(random() * 200);
    const by = Math.floor((random() - 0.5) * 2 ** 33);
    return (n) => (Math.floor(n / every) % 2) * by;
  },
  'a clock at its wrap': (random) => {
    const at = Math.floor(random() * 1_000);
    return () => 2 ** 33 - at * PICTURE_TICKS;
  },
};

const SIZES: Readonly<Record<string, (random: Random) => (n: number) => number>> = {
  'pictures of a few packets': () => (n) => 400 + (n % 7) * 90,
  'tiny pictures': () => () => 40,
  'a huge picture now and then': (random) => {
    const every = 30 + Math.floor(random() * 60);
    return (n) => (n % every === 0 ? 400_000 : 700);
  },
};

export function repeatingChannel(random: Random): RepeatingChannel {
  const choose = <T>(from: Readonly<Record<string, T>>, usual: number): [string, T] => {
    const all = Object.entries(from);
    return random() < usual ? (all[0] as [string, T]) : pick(random, all);
  };
  const [look, contentOf] = choose(LOOKS, 0.4);
  const [clock, jumpOf] = choose(CLOCKS, 0.4);
  const [size, bytesOf] = choose(SIZES, 0.5);
  const isOneProgramme = random() > 0.2;
  const programme = isOneProgramme ? Number.POSITIVE_INFINITY : 50 + Math.floor(random() * 300);
  const jump = jumpOf(random);
  return {
    what: [look, clock, size, ...(isOneProgramme ? [] : [`another programme every ${programme} pictures`])].join(', '),
    isPlain: look === 'each picture once',
    isEven: clock === 'an even clock' || clock === 'a clock at its wrap',
    isOneProgramme,
    gop: 10 + Math.floor(random() * 90),
    content: contentOf(random),
    bytes: bytesOf(random),
    ticks: (n) => 900_000 + n * PICTURE_TICKS + jump(n),
    videoPid: (n) => (Math.floor(n / programme) % 2 === 1 ? OTHER_VIDEO_PID : (H264_AND_AAC[0]?.pid ?? 0)),
  };
}

/** One connection. Its pictures are asked for in order. */
export class RepeatingConnection {
  readonly #channel: RepeatingChannel;
  readonly #shift: number;
  readonly #builders = new Map<number, TsBuilder>();
  #counter = 0;
  #pid = 0;

  /** @param shift added to all its times */
  constructor(channel: RepeatingChannel, shift: number) {
    this.#channel = channel;
    this.#shift = shift;
  }

  picture(n: number): Buffer {
    const { content, bytes, ticks, videoPid, gop } = this.#channel;
    const pid = videoPid(n);
    const ts = this.#builders.get(pid) ?? new TsBuilder([{ pid, type: 0x1b, descriptors: Buffer.alloc(0) }, audio()]);
    this.#builders.set(pid, ts);
    if (pid !== this.#pid || n % gop === 0) ts.tables();
    this.#pid = pid;
    const at = ticks(n) + this.#shift;
    const data = Buffer.alloc(Math.max(bytes(n), 40), 0xaa);
    data.set(n % gop === 0 ? KEYFRAME : OTHER);
    data.writeUInt32BE(content(n), 24);
    return Buffer.concat([ts.take(), this.#pes(pid, n, at, data), ts.audio(at).take()]);
  }

  /** Its number stands among the stuffing of the PES header, where it is not what the picture shows. */
  #pes(pid: number, n: number, ticks: number, data: Buffer): Buffer {
    const header = Buffer.alloc(23);
    header.set([0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 14, 0x31]);
    header[14] = 0x11;
    writeTimestamp(header, 9, ticks);
    writeTimestamp(header, 14, ticks);
    header.writeUInt32BE(n, NUMBER_BEHIND);
    const payload = Buffer.concat([header, data]);
    const packets: Buffer[] = [];
    for (let at = 0; at < payload.length; at += PAYLOAD) {
      const part = payload.subarray(at, at + PAYLOAD);
      const stuffing = PAYLOAD - part.length;
      const packet = Buffer.alloc(PACKET, 0xff);
      packet.set([0x47, (at === 0 ? 0x40 : 0) | (pid >> 8), pid & 0xff, (stuffing > 0 ? 0x30 : 0x10) | this.#counter]);
      this.#counter = (this.#counter + 1) & 15;
      if (stuffing > 0) packet[4] = stuffing - 1;
      if (stuffing > 1) packet[5] = 0;
      part.copy(packet, PACKET - part.length);
      packets.push(packet);
    }
    return Buffer.concat(packets);
  }
}

/** The number of the picture that begins in this packet; undefined when none does. */
export function numberIn(packet: Buffer): number | undefined {
  const [, flags = 0, , control = 0, stuffing = 0] = packet;
  const start = (control & 0x20) === 0 ? 4 : 5 + stuffing;
  const begins =
    (flags & 0x40) > 0 && start + NUMBER_BEHIND + 4 <= packet.length && packet.readUInt32BE(start) === 0x1e0;
  return begins ? packet.readUInt32BE(start + NUMBER_BEHIND) : undefined;
}

function audio() {
  return { pid: AUDIO_PID, type: 0x0f, descriptors: Buffer.alloc(0) };
}
