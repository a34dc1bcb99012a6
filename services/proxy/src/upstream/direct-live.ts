/** Passes a live source on without end: a source that breaks is opened again, or left for the next, while the viewer waits. */
import { SourceError } from '../errors.ts';
import { BitrateMonitor } from './bitrate-monitor.ts';
import type { OpenedSource, Transfer } from './direct-stream.ts';
import { maskUrl } from './mask.ts';
import { PacketAligner } from './packet-aligner.ts';

type Reopen = () => Promise<{ opened: OpenedSource; index: number }>;

/** Why one connection is over. */
type ConnectionEnd =
  | { readonly why: 'client_left' | 'moved' | 'low_bitrate' }
  /** `clean`: the source closed the connection as if it had said everything. */
  | { readonly why: 'broken'; readonly error: SourceError; readonly clean: boolean; readonly bytes: number };

/** A connection that has delivered for this long ends an outage. */
const HEALTHY_AFTER_MS = 5_000;

/** How soon a silent source is left when the stream has been moved to another one meanwhile. */
const MOVE_CHECK_MS = 500;

/**
 * @param index of the source that `first` came from
 * @param reopen opens the current source with retries and failover
 * @throws {SourceError} when every source has been given up
 */
export async function pumpLive(
  transfer: Transfer,
  first: OpenedSource,
  index: number,
  reopen: Reopen,
): Promise<'client_left' | 'ended'> {
  let current = { opened: first, index };
  let cleanBytes: number | undefined;
  for (;;) {
    const end = await pumpConnection(transfer, current.opened, current.index);
    current.opened.reader.close();
    if (end.why === 'client_left') return 'client_left';
    if (end.why === 'moved') transfer.schedule.switched();
    if (end.why === 'broken') {
      // Only MPEG-TS can go on in the middle of a response. And a file without a length ends like a live source that
      // breaks: if a second connection ends after just as many bytes, it was one, and is not played for ever.
      const isFile = end.clean && (current.opened.kind !== 'mpegts' || cleanBytes === end.bytes);
      if (isFile) return 'ended';
      if (current.opened.kind !== 'mpegts') throw end.error;
      cleanBytes = end.clean ? end.bytes : undefined;
      await transfer.recovery.recover(end.error, current.index);
    }
    current = await reopen();
    if (current.opened.kind !== 'mpegts') {
      current.opened.reader.close();
      throw new SourceError('not_media', 'The source is no longer live MPEG-TS.');
    }
  }
}

async function pumpConnection(transfer: Transfer, opened: OpenedSource, index: number): Promise<ConnectionEnd> {
  const { settings, source, schedule, recovery } = transfer;
  const aligner = opened.kind === 'mpegts' ? new PacketAligner() : undefined;
  const monitor = new BitrateMonitor(settings);
  const sinceMs = performance.now();
  let bytes = 0;
  let canMove = source.canFailOver;
  try {
    for (;;) {
      const askedMs = performance.now();
      const chunk = await readUnlessMoved(transfer, opened, index);
      if (chunk === 'moved') return { why: 'moved' };
      if (chunk === undefined) {
        const error = new SourceError('ended', `The source ${maskUrl(opened.response.url)} closed the connection.`);
        return { why: 'broken', error, clean: true, bytes };
      }
      const nowMs = performance.now();
      bytes += chunk.length;
      if (nowMs - sinceMs > HEALTHY_AFTER_MS) schedule.reset();
      if (canMove && monitor.tooSlow(chunk.length, nowMs - askedMs)) {
        canMove = await recovery.moveOn(index, 'low_bitrate');
        if (canMove) return { why: 'low_bitrate' };
      }
      const packets = aligner?.push(chunk) ?? chunk;
      if (packets.length > 0 && !(await transfer.write(packets))) return { why: 'client_left' };
    }
  } catch (error) {
    if (error instanceof SourceError) return { why: 'broken', error, clean: false, bytes };
    throw error;
  }
}

async function readUnlessMoved(
  transfer: Transfer,
  opened: OpenedSource,
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
