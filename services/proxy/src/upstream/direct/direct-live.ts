/**
 * Passes a live source on without end. A source that breaks is opened again or replaced by the next one while the
 * viewer waits.
 */

import { systemClock } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { ScramblingMonitor } from '../../mpegts/syntax/scrambling.ts';
import { BitrateMonitor } from '../failover/bitrate-monitor.ts';
import { LiveReader } from '../failover/live-reader.ts';
import { Rounds, repeatsError } from '../failover/rounds.ts';
import { Silence } from '../failover/silence.ts';
import { failoverReason } from '../failover/source-recovery.ts';
import { troubleOf } from '../failover/source-trouble.ts';
import { isRecording } from '../provider/source-kind.ts';
import { PacketAligner } from './packet-aligner.ts';
import type { AnsweredSource, Transfer } from './transfer.ts';

/** Opens the current source. `tryMs`: how long each step may take; undefined: as the settings say. */
type Reopen = (tryMs: () => number | undefined) => Promise<{ opened: AnsweredSource; index: number }>;

/** Why one connection ended. */
type ConnectionEnd =
  | { readonly why: 'client_left' | 'moved' | 'left' }
  /** The source repeats what it has sent; `error` says so. */
  | { readonly why: 'repeats'; readonly error: SourceError }
  /** `clean`: the source closed the connection in an orderly way. */
  | { readonly why: 'broken'; readonly error: SourceError; readonly clean: boolean };

/**
 * @param index of the source of `first`
 * @param reopen opens the current source with retries and failover
 * @throws {SourceError} when no source is left to try
 */
export async function pumpLive(
  transfer: Transfer,
  first: AnsweredSource,
  index: number,
  reopen: Reopen,
): Promise<'client_left' | 'ended'> {
  const { recovery, schedule, source, settings } = transfer;
  const rounds = new Rounds({ trim: true });
  let current = { opened: first, index };
  let silence = new Silence(settings.liveChunkTimeoutMs);
  let silenceOf = index;
  const silenceNow = (): Silence => {
    // Another source has a rhythm of its own.
    if (silenceOf !== source.index) silence = new Silence(settings.liveChunkTimeoutMs, schedule.hasPlayed);
    silenceOf = source.index;
    return silence;
  };
  const tryMs = () => schedule.tryMs(silenceNow(), schedule.mayMove(source));
  silence.begin(first.openedMs, tryMs());
  for (;;) {
    const end = await pumpConnection(transfer, rounds, silence, current.opened, current.index);
    current.opened.reader.close();
    if (end.why === 'client_left') return 'client_left';
    if (end.why === 'moved') schedule.switched();
    const isOver = end.why === 'broken' && end.clean && isRecording(current.opened.address.url);
    if (end.why === 'repeats' || isOver) {
      // Without another source it has simply ended, like a recording.
      if (isOver || !(await recovery.moveOn(current.index, failoverReason(end.error)))) return 'ended';
    } else if (end.why === 'broken') {
      // Only MPEG-TS can continue in the middle of a response.
      if (current.opened.kind !== 'mpegts') {
        if (end.clean) return 'ended';
        throw end.error;
      }
      schedule.lost(end.error.reason === 'stalled' ? silence.earlyMs : 0);
      await recovery.recover(end.error, current.index);
    }
    const next = await reopen(tryMs);
    if (next.opened.kind !== 'mpegts') {
      next.opened.reader.close();
      throw new SourceError('not_media', 'The source is no longer live MPEG-TS.');
    }
    if (next.index !== current.index) rounds.forget();
    silenceNow().begin(next.opened.openedMs, tryMs());
    current = next;
  }
}

async function pumpConnection(
  transfer: Transfer,
  rounds: Rounds,
  silence: Silence,
  opened: AnsweredSource,
  index: number,
): Promise<ConnectionEnd> {
  const { settings, source, schedule, recovery } = transfer;
  const isTs = opened.kind === 'mpegts';
  const aligner = isTs ? new PacketAligner() : undefined;
  const monitor = new BitrateMonitor(settings);
  const scrambling = new ScramblingMonitor();
  const reader = new LiveReader(opened.reader, opened.response.url, silence, {
    isMpegTs: isTs,
    isLeft: () => source.index !== index,
    clock: systemClock,
  });
  let sinceMs: number | undefined;
  let canMove = source.canFailOver;
  try {
    for (;;) {
      const piece = await reader.read();
      if (piece === 'left') {
        rounds.end(false);
        return { why: 'moved' };
      }
      const nowMs = performance.now();
      if (piece === undefined) {
        if (isTs && rounds.end(true)) return { why: 'repeats', error: repeatsError(opened.response.url) };
        const error = new SourceError('ended', `The source ${maskUrl(opened.response.url)} closed the connection.`);
        return { why: 'broken', error, clean: true };
      }
      const { bytes, waitedMs, hasMedia } = piece;
      if (hasMedia) {
        sinceMs ??= nowMs;
        schedule.played(nowMs - sinceMs);
      }
      const packets = aligner?.push(bytes) ?? bytes;
      if (isTs) scrambling.countAll(packets);
      const trouble = troubleOf({
        isSlow: monitor.tooSlow(bytes.length, waitedMs),
        loops: rounds.loops,
        scrambledMs: isTs ? scrambling.lastsMs(nowMs) : 0,
        streamTimeoutMs: settings.streamTimeoutMs,
      });
      if (canMove && trouble !== undefined) {
        canMove = await recovery.moveOn(index, trouble);
        if (canMove) return { why: 'left' };
      }
      if (packets.length === 0) continue;
      for (const part of isTs ? rounds.push(packets, nowMs) : [packets]) {
        if (!(await transfer.write(part))) return { why: 'client_left' };
      }
      if (rounds.isOver) return { why: 'repeats', error: repeatsError(opened.response.url) };
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (isTs && rounds.end(false)) return { why: 'repeats', error: repeatsError(opened.response.url) };
    return { why: 'broken', error, clean: false };
  }
}
