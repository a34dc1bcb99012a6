/**
 * Passes a live source on without end. A source that breaks or hangs is opened again or replaced by the next one while the
 * viewer waits.
 */

import { systemClock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { ScramblingMonitor } from '../../mpegts/syntax/scrambling.ts';
import { BitrateMonitor } from '../failover/bitrate-monitor.ts';
import { LiveReader, type Piece } from '../failover/live-reader.ts';
import { Rounds, repeatsError } from '../failover/rounds.ts';
import { Silence } from '../failover/silence.ts';
import { failoverReason } from '../failover/source-recovery.ts';
import { troubleOf } from '../failover/source-trouble.ts';
import { type ReadNow, Standby } from '../failover/standby.ts';
import { accountOf } from '../provider/provider-connections.ts';
import { isRecording } from '../provider/source-kind.ts';
import type { LiveSources, Reading } from './live-sources.ts';
import { PacketAligner } from './packet-aligner.ts';
import type { Transfer } from './transfer.ts';

/** Why one connection ended. */
type ConnectionEnd =
  | { readonly why: 'client_left' }
  | { readonly why: 'moved' }
  | { readonly why: 'left' }
  /** The source repeats what it has sent; `error` says so. */
  | { readonly why: 'repeats'; readonly error: SourceError }
  /** `clean`: the source closed the connection in an orderly way. */
  | { readonly why: 'broken'; readonly error: SourceError; readonly clean: boolean };

/** A source from which a viewer has got media within this time still sends. */
const SENDS_MS = 1_000;

/** The source of now. */
interface Playing extends ReadNow {
  readonly index: number;
  readonly silence: Silence;
}

export interface DirectLiveDeps extends Transfer {
  readonly sources: LiveSources;
  /**
   * Called with the packets of MPEG-TS, which stay as they are.
   * @param isFirst of a connection
   */
  readonly onPackets?: ((packets: Buffer, isFirst: boolean) => void) | undefined;
  /** Aborted when the viewer leaves. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'warn'>;
}

/** @throws {SourceError} when no source is left to try */
export async function pumpLive(deps: DirectLiveDeps): Promise<'client_left' | 'ended'> {
  return new DirectLive(deps).pump();
}

class DirectLive {
  readonly #deps: DirectLiveDeps;
  readonly #rounds = new Rounds({ trim: true });
  readonly #isTs: boolean;
  readonly #standby: Standby;
  #playing: Playing | undefined;
  /** Pieces of media that the viewer has taken, and when it took the newest, monotonic ms. */
  #passed: { progress: number; progressMs: number | undefined } = { progress: 0, progressMs: undefined };

  constructor(deps: DirectLiveDeps) {
    this.#deps = deps;
    const { sources, source, schedule, signal, log } = deps;
    this.#isTs = sources.reading.opened.kind === 'mpegts';
    this.#standby = new Standby({
      source,
      moves: sources,
      current: () => this.#now,
      media: this.#passed,
      // Only MPEG-TS can continue in the middle of a response.
      mayMove: () => this.#isTs && schedule.mayMove(source),
      signal,
      clock: systemClock,
      log,
    });
  }

  async pump(): Promise<'client_left' | 'ended'> {
    const { sources } = this.#deps;
    this.#begin(sources.reading);
    try {
      for (;;) {
        const { reading } = sources;
        const end = await this.#pumpConnection(reading);
        reading.opened.reader.close();
        if (end.why === 'client_left') return 'client_left';
        if (!(await this.#goesOn(end, reading))) return 'ended';
        const next = await sources.reopen(this.#tryMs, (error) => this.#standby.failed(error));
        if (next.index !== reading.index) this.#rounds.forget();
        this.#begin(next);
      }
    } finally {
      this.#standby.close();
    }
  }

  get #now(): Playing {
    const { source, settings, schedule } = this.#deps;
    const { index, address } = source;
    if (this.#playing?.index !== index) {
      // Another source has a rhythm of its own.
      const silence = new Silence(settings.liveChunkTimeoutMs, schedule.hasPlayed);
      silence.onHalf(() => this.#standby.silent());
      this.#playing = { index, isOwn: true, account: accountOf(address), silence };
    }
    return this.#playing;
  }

  readonly #tryMs = (): number | undefined => {
    const { schedule, source } = this.#deps;
    return schedule.tryMs(this.#now.silence, schedule.mayMove(source));
  };

  #begin({ opened }: Reading): void {
    this.#now.silence.begin(opened.openedMs, this.#tryMs());
  }

  /**
   * What follows when a connection is over.
   * @returns false when nothing does
   * @throws {SourceError} when the stream has failed
   */
  async #goesOn(end: Exclude<ConnectionEnd, { why: 'client_left' }>, { opened, index }: Reading): Promise<boolean> {
    const { recovery, schedule, sources } = this.#deps;
    if (end.why === 'left') return true;
    if (end.why === 'moved') {
      schedule.switched();
      return true;
    }
    // A source without a next one has simply ended, like a recording.
    if (end.why === 'repeats') return recovery.moveOn(index, failoverReason(end.error));
    if (end.clean && (isRecording(opened.address.url) || !this.#isTs)) return false;
    if (!this.#isTs) throw end.error;
    schedule.lost(end.error.reason === 'stalled' ? this.#now.silence.earlyMs : 0);
    this.#standby.failed(end.error);
    await recovery.recover(end.error, index, () => sources.left);
    return true;
  }

  async #pumpConnection(reading: Reading): Promise<ConnectionEnd> {
    const { opened, index } = reading;
    const { source, sources } = this.#deps;
    const { url } = opened.response;
    const rounds = this.#rounds;
    const pass = this.#passing(index);
    const reader = new LiveReader(opened.reader, url, this.#now.silence, {
      isMpegTs: this.#isTs,
      // Only MPEG-TS can go on at another source.
      isLeft: () => (this.#isTs ? sources.isOver(reading, this.#isSending) : source.index !== index),
      clock: systemClock,
    });
    try {
      for (const bytes of opened.staged?.splice(0) ?? []) {
        const end = await pass({ bytes, waitedMs: 0, hasMedia: true });
        if (end !== undefined) return end;
      }
      for (;;) {
        const piece = await reader.read();
        if (piece === 'left') return this.#moved();
        if (piece === undefined) {
          if (this.#isTs && rounds.end(true)) return { why: 'repeats', error: repeatsError(url) };
          const error = new SourceError('ended', `The source ${maskUrl(url)} closed the connection.`);
          return { why: 'broken', error, clean: true };
        }
        const end = await pass(piece);
        if (end !== undefined) return end;
      }
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (source.index !== index) return this.#moved();
      if (this.#isTs && rounds.end(false)) return { why: 'repeats', error: repeatsError(url) };
      return { why: 'broken', error, clean: false };
    }
  }

  #moved(): ConnectionEnd {
    this.#rounds.end(false);
    return { why: 'moved' };
  }

  /** What to do with each piece of one connection. It returns why the connection is over, if it is. */
  #passing(index: number): (piece: Piece) => Promise<ConnectionEnd | undefined> {
    const { settings, source, schedule, recovery, sources, write, onPackets } = this.#deps;
    const rounds = this.#rounds;
    const isTs = this.#isTs;
    const aligner = isTs ? new PacketAligner() : undefined;
    const monitor = new BitrateMonitor(settings);
    const scrambling = new ScramblingMonitor();
    let sinceMs: number | undefined;
    let canMove = source.canFailOver;
    let isFirst = true;
    return async ({ bytes, waitedMs, hasMedia }) => {
      const nowMs = systemClock.monotonicMs();
      if (hasMedia) {
        sinceMs ??= nowMs;
        schedule.played(nowMs - sinceMs);
      }
      const packets = aligner?.push(bytes) ?? bytes;
      if (isTs) scrambling.countAll(packets);
      const trouble = troubleOf({
        isSlow: monitor.tooSlow(bytes.length, waitedMs),
        lags: false,
        loops: rounds.loops,
        scrambledMs: isTs ? scrambling.lastsMs(nowMs) : 0,
        streamTimeoutMs: settings.streamTimeoutMs,
      });
      if (canMove && trouble !== undefined) {
        canMove = await recovery.moveOn(index, trouble);
        if (canMove) return { why: 'left' };
      }
      if (packets.length === 0) return undefined;
      if (isTs) onPackets?.(packets, isFirst);
      isFirst = false;
      for (const part of isTs ? rounds.push(packets, nowMs) : [packets]) {
        if (!(await write(part))) return { why: 'client_left' };
        if (hasMedia) this.#hasPassed();
      }
      return rounds.isOver ? { why: 'repeats', error: repeatsError(sources.reading.opened.response.url) } : undefined;
    };
  }

  get #isSending(): boolean {
    return systemClock.monotonicMs() - (this.#passed.progressMs ?? 0) < SENDS_MS;
  }

  #hasPassed(): void {
    this.#passed.progress++;
    this.#passed.progressMs = systemClock.monotonicMs();
  }
}
