/** Reads a provider over one connection, from its opening to its end. */

import { maskUrl } from '../../../shared/masking/mask.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { LiveReader } from '../upstream/failover/live-reader.ts';
import type { RetrySchedule } from '../upstream/failover/retry.ts';
import type { BodyReader } from '../upstream/messages/body-reader.ts';
import { asPassing } from '../upstream/provider/provider-connections.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { InputEnd, SourceInput } from './source-inputs.ts';
import type { EarlierFeed } from './source-media.ts';

export interface ProviderInputDeps {
  readonly retry: RetrySchedule;
  readonly readAhead: ReadAhead;
  /** What an empty feed goes on with. */
  readonly goesOn: EarlierFeed | undefined;
}

export async function readProvider(input: SourceInput, deps: ProviderInputDeps): Promise<InputEnd> {
  const { origin, media, signal, onOpened } = input;
  const { address, place, watch, connections } = origin;
  const { current } = place;
  const { isEmpty } = media;
  if (isEmpty) media.goOn(deps.goesOn);
  if (current.kind === 'own') media.history.own(current.epoch, media.output.lastDts);
  const tryMs = deps.retry.tryMs(watch.silence, false);
  try {
    const { kind, reader, prepared, openedMs } = await connections.open(signal, tryMs);
    watch.silence.begin(openedMs, tryMs);
    onOpened(kind);
    if (kind.kind !== 'mpegts') {
      // FFmpeg opens it.
      if (isEmpty || media.isOther) return 'other_kind';
      throw new SourceError('not_media', `The source ${maskUrl(address.url)} is no longer live MPEG-TS.`);
    }
    media.begin(prepared);
    return await read(reader, input, deps);
  } catch (thrown) {
    if (place.current.kind === 'relay' || signal.aborted) return 'moved';
    const error = deps.retry.hasPlayed ? asPassing(thrown) : thrown;
    if (error instanceof StreampoolError) return error;
    return new SourceError('refused', 'The source could not be read.', { cause: error });
  } finally {
    connections.close();
    watch.end();
    media.output.end(false);
    media.feed.publish();
    origin.leaveIfTaken();
  }
}

async function read(
  reader: BodyReader,
  { origin, media, signal, onMedia }: SourceInput,
  { retry, readAhead }: ProviderInputDeps,
): Promise<SourceError | 'moved'> {
  const { address, place, watch } = origin;
  const live = new LiveReader(reader, address.url, watch.silence, {
    isMpegTs: true,
    isLeft: () => signal.aborted,
    clock: media.feed.clock,
  });
  let sinceMs: number | undefined;
  for (;;) {
    const piece = await live.read();
    if (piece === 'left' || !(await place.mayPass())) return 'moved';
    if (piece === undefined) return watch.closed();
    const nowMs = media.feed.clock.monotonicMs();
    if (piece.hasMedia) {
      sinceMs ??= nowMs;
      retry.played(nowMs - sinceMs);
      onMedia();
    }
    for (const bytes of watch.push(piece.bytes, nowMs, piece.waitedMs)) media.put(bytes);
    if (watch.repeats !== undefined) return watch.repeats;
    await readAhead.wait(() => place.current.kind === 'own', signal);
  }
}
