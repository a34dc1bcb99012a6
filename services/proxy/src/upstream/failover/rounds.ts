/**
 * Recognises a source that sends again what it has sent: a provider's "offline" clip, or a recording that is over. One
 * object watches all connections to one source, and decides what of each is passed on.
 */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { ProgramReader } from '../../mpegts/reading/program-reader.ts';
import { contentOf } from '../../mpegts/reading/recent-entries.ts';
import type { Unit } from '../../mpegts/reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween } from '../../mpegts/syntax/timestamp.ts';

/**
 * A provider may begin each connection with its last seconds. A connection that had shown more media than this, and is
 * followed by one that begins where it began, was played from its beginning to its end.
 */
const LONGEST_PAST_TICKS = 15 * TICKS_PER_SECOND;
/** A clip that stands in for a channel is shorter; later entry points are not compared. */
const WATCHED_TICKS = 30 * TICKS_PER_SECOND;
/** More entry points than these tell nothing new. */
const MAX_ENTRIES = 512;
/** Rounds of one clip after which it counts as one. */
const LOOPS_AFTER = 2;
/** How long a new connection may take to show what it begins with, before its bytes are passed on all the same. */
const UNDECIDED_MS = 3_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** Sound units beside the first picture that make up a beginning: pictures alone may be a still. */
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
  /** Contents of the first sound units. */
  readonly sound: number[] = [];
  /** Undefined once enough has been seen. */
  #scan: ProgramReader | undefined;
  #hasVideo = false;
  #hasSound = false;

  /** @param onEntry told of each entry point, with the unit that it is */
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

  /** @param copy of the source's bytes, which nobody else rewrites */
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

  /** Begins with the same picture and sound, at the same time of the source's clock. */
  beginsLike(other: Round): boolean {
    const [a, b] = [this.entries[0], other.entries[0]];
    if (!this.hasBeginning || !other.hasBeginning || a === undefined || b === undefined) return false;
    return a.content === b.content && a.dts === b.dts && this.sound.every((unit, n) => unit === other.sound[n]);
  }

  /** Showed the same pictures in the same order, whatever the clock. */
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
  /** Bytes of the connection in front of it. */
  readonly position: number;
}

export class Rounds {
  readonly #trim: boolean;
  #previous: Round | undefined;
  #current: Round;
  #held: Held[] = [];
  #heldBytes = 0;
  /** What a connection begins with decides whether it is passed on. */
  #undecided = false;
  #undecidedSinceMs: number | undefined;
  #isOver = false;
  #roundsHere = 1;

  /**
   * @param trim a connection that begins with what was sent before is passed on from its first new entry point; otherwise as
   *   a whole, to a reader that finds the overlap itself
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

  /** Takes a connection's bytes; answers those to pass on, which are the caller's to rewrite. */
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

  /** The connection goes through the same clip again and again. */
  get loops(): boolean {
    return this.#roundsHere > LOOPS_AFTER;
  }

  /** This connection is played from the beginning again, as the one before was to its end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The connection is over, and the next bytes come from another one.
   * @param clean the source closed it, rather than a fault
   * @returns whether it brought nothing but what the one before had brought
   */
  end(clean: boolean): boolean {
    const round = this.#current;
    round.finish();
    const previous = this.#previous;
    const repeated = previous !== undefined && this.#broughtNothingNew(round, previous, clean);
    // A connection that broke off before it had shown anything says nothing of the one before.
    this.#start(round.hasBeginning || clean ? round : previous);
    return repeated;
  }

  #broughtNothingNew(round: Round, previous: Round, clean: boolean): boolean {
    if (this.#isOver) return true;
    if (round.bytes === 0) return false;
    const isSame = round.bytes === previous.bytes || round.showsLike(previous);
    if (clean && isSame) return true;
    // What it began with was sent before, and then nothing else came.
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
    // Inside one connection a clip shows by its clock that it begins again.
    const isAgain = this.#current.entries.length > 1 && first?.content === entry.content && first.dts === entry.dts;
    if (isAgain) this.#roundsHere++;
    const previous = this.#previous;
    if (!this.#undecided || previous === undefined) return;
    if (previous.shows(entry)) return;
    this.#undecided = false;
    if (this.#trim && this.#current.entries.length > 1) this.#dropBefore(unit);
  }

  /** Leaves out what lies before a unit that begins in what is held. */
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

/** What ends the reading of a source that repeats itself. */
export function repeatsError(url: string): SourceError {
  return new SourceError(
    'repeats',
    `The source ${maskUrl(url)} sends again what it has sent; it has ended or is out of service.`,
  );
}
