/**
 * Passes a live source on without end. A source that breaks is opened again or replaced by the next one while the
 * viewer waits.
 */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { ScramblingMonitor } from '../../mpegts/syntax/scrambling.ts';
import { BitrateMonitor } from '../failover/bitrate-monitor.ts';
import { Rounds, repeatsError } from '../failover/rounds.ts';
import { failoverReason } from '../failover/source-recovery.ts';
import { troubleOf } from '../failover/source-trouble.ts';
import { isRecording } from '../provider/source-kind.ts';
import { PacketAligner } from './packet-aligner.ts';
import type { AnsweredSource, Transfer } from './transfer.ts';

type Reopen = () => Promise<{ opened: AnsweredSource; index: number }>;

/** Why one connection ended. */
type ConnectionEnd =
  | { readonly why: 'client_left' | 'moved' | 'left' }
  /** The source repeats what it has sent; `error` says so. */
  | { readonly why: 'repeats'; readonly error: SourceError }
  /** `clean`: the source closed the connection in an orderly way. */
  | { readonly why: 'broken'; readonly error: SourceError; readonly clean: boolean };

/** A connection that delivers for this long ends an outage. */
const HEALTHY_AFTER_MS = 5_000;

/** How soon a silent source is left after the stream has moved to another one. */
const MOVE_CHECK_MS = 500;

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
  const { recovery, schedule } = transfer;
  const rounds = new Rounds({ trim: true });
  let current = { opened: first, index };
  for (;;) {
    const end = await pumpConnection(transfer, rounds, current.opened, current.index);
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
      await recovery.recover(end.error, current.index);
    }
    const next = await reopen();
    if (next.opened.kind !== 'mpegts') {
      next.opened.reader.close();
      throw new SourceError('not_media', 'The source is no longer live MPEG-TS.');
    }
    if (next.index !== current.index) rounds.forget();
    current = next;
  }
}

async function pumpConnection(
  transfer: Transfer,
  rounds: Rounds,
  opened: AnsweredSource,
  index: number,
): Promise<ConnectionEnd> {
  const { settings, source, schedule, recovery } = transfer;
  const isTs = opened.kind === 'mpegts';
  const aligner = isTs ? new PacketAligner() : undefined;
  const monitor = new BitrateMonitor(settings);
  const scrambling = new ScramblingMonitor();
  const sinceMs = performance.now();
  let canMove = source.canFailOver;
  try {
    for (;;) {
      const askedMs = performance.now();
      const chunk = await readUnlessMoved(transfer, opened, index);
      if (chunk === 'moved') {
        rounds.end(false);
        return { why: 'moved' };
      }
      const nowMs = performance.now();
      if (chunk === undefined) {
        if (isTs && rounds.end(true)) return { why: 'repeats', error: repeatsError(opened.response.url) };
        const error = new SourceError('ended', `The source ${maskUrl(opened.response.url)} closed the connection.`);
        return { why: 'broken', error, clean: true };
      }
      if (nowMs - sinceMs > HEALTHY_AFTER_MS) schedule.reset();
      const packets = aligner?.push(chunk) ?? chunk;
      if (isTs) scrambling.countAll(packets);
      const trouble = troubleOf({
        isSlow: monitor.tooSlow(chunk.length, nowMs - askedMs),
        loops: rounds.loops,
        scrambledMs: isTs ? scrambling.lastsMs(nowMs) : 0,
        streamTimeoutMs: settings.streamTimeoutMs,
      });
      if (canMove && trouble !== undefined) {
        canMove = await recovery.moveOn(index, trouble);
        if (canMove) return { why: 'left' };
      }
      if (packets.length === 0) continue;
      for (const piece of isTs ? rounds.push(packets, nowMs) : [packets]) {
        if (!(await transfer.write(piece))) return { why: 'client_left' };
      }
      if (rounds.isOver) return { why: 'repeats', error: repeatsError(opened.response.url) };
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (isTs && rounds.end(false)) return { why: 'repeats', error: repeatsError(opened.response.url) };
    return { why: 'broken', error, clean: false };
  }
}

async function readUnlessMoved(
  transfer: Transfer,
  opened: AnsweredSource,
  index: number,
): Promise<Buffer | undefined | 'moved'> {
  const { settings, source } = transfer;
  const deadlineMs = performance.now() + settings.liveChunkTimeoutMs;
  for (;;) {
    if (source.index !== index) return 'moved';
    const leftMs = deadlineMs - performance.now();
    try {
      return await opened.reader.read(Math.min(MOVE_CHECK_MS, Math.max(leftMs, 0)));
    } catch (error) {
      const isSilence = error instanceof SourceError && error.reason === 'stalled';
      if (!isSilence) throw error;
      if (performance.now() < deadlineMs) continue;
      const seconds = settings.liveChunkTimeoutMs / 1000;
      throw new SourceError('stalled', `The source ${maskUrl(opened.response.url)} sent nothing for ${seconds} s.`);
    }
  }
}
