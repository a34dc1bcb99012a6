/**
 * Recognises a source that sends the same media again: a provider's "offline" clip, or a recording that has ended. One
 * object watches all connections to one source and decides which of their bytes are passed on.
 */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { ProgramReader } from '../../mpegts/reading/program-reader.ts';
import { contentOf } from '../../mpegts/reading/unit-content.ts';
import type { Unit } from '../../mpegts/reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween } from '../../mpegts/syntax/timestamp.ts';

/**
 * A provider may begin each connection with its last seconds. A connection that showed more media than this was played
 * from beginning to end, if the next one begins at the same place.
 */
const LONGEST_PAST_TICKS = 15 * TICKS_PER_SECOND;
/** A clip in place of a channel is shorter. Later entry points are not compared. */
const WATCHED_TICKS = 30 * TICKS_PER_SECOND;
/** More entry points than these tell nothing new. */
const MAX_ENTRIES = 512;
/** Number of rounds of one clip after which it counts as a loop. */
const LOOPS_AFTER = 2;
/** How long the beginning of a new connection is examined. After that its bytes are passed on anyway. */
const UNDECIDED_MS = 3_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** Number of audio units beside the first picture that identify a beginning. A picture alone may be a still. */
const SOUND_UNITS = 3;

/** An entry point as the source sent it. */
interface Entry {
  readonly content: number;
  /** 33-bit ticks. */
  readonly dts: number;
}

/** What one connection has shown so far. */
class Round {
  bytes = 0;
  readonly entries: Entry[] = [];
  /** Contents of the first audio units. */
  readonly sound: number[] = [];
  /** Undefined once enough has been seen. */
  #scan: ProgramReader | undefined;
  #hasVideo = false;
  #hasSound = false;

  /** @param onEntry called with each entry point and its unit */
  constructor(onEntry: (entry: Entry, unit: Unit) => void) {
    this.#scan = new ProgramReader({
      program: (_map, tracks) => {
        this.#hasVideo = tracks.some(({ kind }) => kind === 'video');
        this.#hasSound = tracks.some(({ kind }) => kind === 'audio');
      },
      unit: (unit) => {
        const { track, dts, keyframe } = unit;
        if (dts === undefined) return;
        if (track.kind === 'audio' && this.sound.length < SOUND_UNITS) this.sound.push(contentOf(unit));
        if (!keyframe || track.kind !== (this.#hasVideo ? 'video' : 'audio')) return;
        const entry = { content: contentOf(unit), dts };
        this.entries.push(entry);
        onEntry(entry, unit);
      },
      clock: () => undefined,
    });
  }

  /** @param copy of the source's bytes that nobody else rewrites */
  scan(copy: Buffer, nowMs: number): void {
    this.#scan?.push(copy, nowMs);
    if (this.mediaTicks > WATCHED_TICKS || this.entries.length > MAX_ENTRIES) this.#scan = undefined;
  }

  finish(): void {
    this.#scan?.flush();
    this.#scan = undefined;
  }

  get isWatched(): boolean {
    return this.#scan !== undefined;
  }

  /** Enough has been seen to compare beginnings. */
  get hasBeginning(): boolean {
    return this.entries.length > 0 && (!this.#hasSound || this.sound.length === SOUND_UNITS);
  }

  get mediaTicks(): number {
    const [first] = this.entries;
    const last = this.entries.at(-1);
    return first === undefined || last === undefined ? 0 : Math.max(0, ticksBetween(first.dts, last.dts));
  }

  /** Begins with the same picture and audio, at the same time of the source's clock. */
  beginsLike(other: Round): boolean {
    const [a, b] = [this.entries[0], other.entries[0]];
    if (!this.hasBeginning || !other.hasBeginning || a === undefined || b === undefined) return false;
    return a.content === b.content && a.dts === b.dts && this.sound.every((unit, n) => unit === other.sound[n]);
  }

  /** Begins with another picture, or other sound. Two connections of the same length may have the same number of bytes. */
  beginsApart(other: Round): boolean {
    const [a, b] = [this.entries[0], other.entries[0]];
    return a !== undefined && b !== undefined && a.content !== b.content;
  }

  /** Showed the same pictures in the same order, on any clock. */
  showsLike(other: Round): boolean {
    const { entries } = this;
    if (entries.length < 2 || entries.length !== other.entries.length) return false;
    return entries.every(({ content }, n) => content === other.entries[n]?.content);
  }

  shows({ content }: Entry): boolean {
    return this.entries.some((entry) => entry.content === content);
  }
}

interface Held {
  readonly chunk: Buffer;
  /** Bytes of the connection before it. */
  readonly position: number;
}

export class Rounds {
  readonly #trim: boolean;
  #previous: Round | undefined;
  #current: Round;
  #held: Held[] = [];
  #heldBytes = 0;
  /** The beginning of the connection has not yet decided whether it is passed on. */
  #undecided = false;
  #undecidedSinceMs: number | undefined;
  #isOver = false;
  #roundsHere = 1;

  /**
   * @param trim whether a connection that begins with already sent media is passed on from its first new entry point.
   * Otherwise it is passed on completely, to a reader that finds the overlap itself.
   */
  constructor({ trim }: { trim: boolean }) {
    this.#trim = trim;
    this.#current = this.#newRound();
  }

  /** Another source is read from now on. */
  forget(): void {
    this.#previous = undefined;
    this.#start(undefined);
  }

  /** Takes a connection's bytes. Returns those to pass on; the caller may rewrite them. */
  push(chunk: Buffer, nowMs: number): readonly Buffer[] {
    const round = this.#current;
    const position = round.bytes;
    round.bytes += chunk.length;
    const isHeld = this.#undecided;
    if (isHeld) {
      this.#undecidedSinceMs ??= nowMs;
      this.#held.push({ chunk, position });
      this.#heldBytes += chunk.length;
    }
    if (round.isWatched) round.scan(Buffer.from(chunk), nowMs);
    if (isHeld) this.#decide(nowMs);
    if (this.#undecided || this.#isOver) return [];
    return isHeld ? this.#release() : [chunk];
  }

  /** Whether the connection repeats the same clip again and again. */
  get loops(): boolean {
    return this.#roundsHere > LOOPS_AFTER;
  }

  /** Whether this connection plays from the beginning what the previous one played to its end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The connection ended, and the next bytes come from another one.
   * @param clean the source closed it; it was no fault
   * @returns whether it brought only what the previous one had brought
   */
  end(clean: boolean): boolean {
    const round = this.#current;
    round.finish();
    const previous = this.#previous;
    const repeated = previous !== undefined && this.#broughtNothingNew(round, previous, clean);
    // A connection that broke before it showed anything says nothing about the previous one.
    this.#start(round.hasBeginning || clean ? round : previous);
    return repeated;
  }

  #broughtNothingNew(round: Round, previous: Round, clean: boolean): boolean {
    if (this.#isOver) return true;
    if (round.bytes === 0) return false;
    const isSame = (round.bytes === previous.bytes && !round.beginsApart(previous)) || round.showsLike(previous);
    if (clean && isSame) return true;
    // Its beginning was sent before, and nothing else came.
    if (!this.#undecided || !round.beginsLike(previous)) return false;
    return clean || (round.mediaTicks > 0 && round.mediaTicks >= previous.mediaTicks);
  }

  #start(previous: Round | undefined): void {
    this.#previous = previous;
    this.#current = this.#newRound();
    this.#held = [];
    this.#heldBytes = 0;
    this.#undecided = previous?.hasBeginning === true;
    this.#undecidedSinceMs = undefined;
    this.#isOver = false;
    this.#roundsHere = 1;
  }

  #newRound(): Round {
    return new Round((entry, unit) => this.#onEntry(entry, unit));
  }

  #onEntry(entry: Entry, unit: Unit): void {
    const [first] = this.#current.entries;
    // Within one connection, a clip's clock shows that it begins again.
    const isAgain = this.#current.entries.length > 1 && first?.content === entry.content && first.dts === entry.dts;
    if (isAgain) this.#roundsHere++;
    const previous = this.#previous;
    if (!this.#undecided || previous === undefined) return;
    if (previous.shows(entry)) return;
    this.#undecided = false;
    if (this.#trim && this.#current.entries.length > 1) this.#dropBefore(unit);
  }

  /** Drops held bytes before a unit that begins in them. */
  #dropBefore({ position }: Unit): void {
    const index = this.#held.findLastIndex((held) => held.position <= position);
    const found = this.#held[index];
    if (found === undefined) return;
    const rest = { chunk: found.chunk.subarray(position - found.position), position };
    this.#held = [rest, ...this.#held.slice(index + 1)];
  }

  #decide(nowMs: number): void {
    const previous = this.#previous;
    if (!this.#undecided || previous === undefined) return;
    const round = this.#current;
    if (round.beginsLike(previous)) {
      if (previous.mediaTicks > LONGEST_PAST_TICKS) this.#isOver = true;
      if (this.#heldBytes <= MAX_HELD_BYTES) return;
      this.#undecided = false;
      return;
    }
    const waitedMs = nowMs - (this.#undecidedSinceMs ?? nowMs);
    if (round.hasBeginning || waitedMs > UNDECIDED_MS || this.#heldBytes > MAX_HELD_BYTES) this.#undecided = false;
  }

  #release(): readonly Buffer[] {
    const held = this.#held.map(({ chunk }) => chunk);
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }
}

/** The error that ends the reading of a source that repeats itself. */
export function repeatsError(url: string): SourceError {
  return new SourceError(
    'repeats',
    `The source ${maskUrl(url)} sends again what it has sent; it has ended or is out of service.`,
  );
}
