/** The program of a feed, as the tables among its bytes describe it. */

import { type SegmentProgram, segmentProgram } from '../../mpegts/segmenting/segment-writer.ts';
import { SoundReader } from '../../mpegts/segmenting/sound-reader.ts';
import type { ScannedUnit } from '../../mpegts/segmenting/unit-scanner.ts';
import { type AudioCodec, audioCodecOf } from '../../mpegts/syntax/audio-frames.ts';
import { classifyStream, languageOf, type TrackKind, type VideoCodec } from '../../mpegts/syntax/elementary.ts';
import { PACKET_SIZE } from '../../mpegts/syntax/packet.ts';
import { buildPmt, PAT_PID, type ProgramMap, parsePat, parsePmt, SectionAssembler } from '../../mpegts/syntax/psi.ts';

export interface FeedTrack {
  readonly pid: number;
  readonly kind: TrackKind;
  readonly codec: VideoCodec;
  readonly audioCodec: AudioCodec | undefined;
  /** Segments begin at its units: the pictures; the first track of sound, if there are none. */
  readonly leads: boolean;
  readonly sound: SoundReader;
  readonly language: string | undefined;
  /** Its place in the PMT. */
  order: number;
  /** From one of its units to the next, 90 kHz. */
  stepTicks: number;
  /** DTS of its newest unit, 90 kHz. */
  lastDts: number | undefined;
}

export class FeedProgram {
  readonly #pat = new SectionAssembler();
  #pmt = new SectionAssembler();
  #pmtPid: number | undefined;
  #signature = '';
  #tracks = new Map<number, FeedTrack>();
  #current: SegmentProgram | undefined;

  /** By PID of the feed. */
  get tracks(): ReadonlyMap<number, FeedTrack> {
    return this.#tracks;
  }

  get current(): SegmentProgram | undefined {
    return this.#current;
  }

  has(kind: TrackKind): boolean {
    return [...this.#tracks.values()].some((track) => track.kind === kind);
  }

  /** Takes a unit. @returns whether it is part of a table */
  isTable({ pid, pieces }: ScannedUnit): boolean {
    if (pid !== PAT_PID && pid !== this.#pmtPid) return false;
    for (const { bytes, start, end } of pieces) {
      for (let at = start; at < end; at += PACKET_SIZE) {
        if (pid === PAT_PID) this.#readPat(bytes, at);
        else for (const section of this.#pmt.push(bytes, at)) this.#adopt(parsePmt(section));
      }
    }
    return true;
  }

  #readPat(bytes: Buffer, at: number): void {
    for (const section of this.#pat.push(bytes, at)) {
      const [program] = parsePat(section) ?? [];
      if (program === undefined || program.pmtPid === this.#pmtPid) continue;
      this.#pmtPid = program.pmtPid;
      this.#pmt = new SectionAssembler();
    }
  }

  #adopt(map: ProgramMap | undefined): void {
    if (map === undefined) return;
    const signature = buildPmt(map, 0).toString('latin1');
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#current = segmentProgram(map);
    const kinds = map.streams.map((stream) => ({ stream, ...classifyStream(stream, map.descriptors) }));
    const leader = kinds.find(({ kind }) => kind === 'video') ?? kinds.find(({ kind }) => kind === 'audio');
    const before = this.#tracks;
    this.#tracks = new Map();
    for (const [order, each] of kinds.entries()) {
      const { pid } = each.stream;
      const audioCodec = each.kind === 'audio' ? audioCodecOf(each.stream) : undefined;
      const known = before.get(pid);
      const track = newTrack(pid, { ...each, audioCodec, leads: each === leader, language: languageOf(each.stream) });
      const kept = known !== undefined && isSame(known, track) ? known : track;
      kept.order = order;
      this.#tracks.set(pid, kept);
    }
    if (!this.#tracks.has(map.pcrPid)) this.#tracks.set(map.pcrPid, newTrack(map.pcrPid, {}));
  }
}

function newTrack(pid: number, about: Partial<Omit<FeedTrack, 'pid' | 'sound'>>): FeedTrack {
  const { kind = 'other', codec = 'unknown', audioCodec, leads = false, language } = about;
  const sound = new SoundReader(audioCodec);
  return { pid, kind, codec, audioCodec, leads, sound, language, order: 0, stepTicks: 0, lastDts: undefined };
}

function isSame(a: FeedTrack, b: FeedTrack): boolean {
  const isSameCodec = a.codec === b.codec && a.audioCodec === b.audioCodec;
  return a.kind === b.kind && isSameCodec && a.leads === b.leads && a.language === b.language;
}
