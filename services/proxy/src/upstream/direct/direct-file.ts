/** Passes a file on. A transfer that breaks or pauses is resumed at the right byte of the same file, or cut off. */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { readerOf } from '../http/answer-reader.ts';
import { requireSuccess } from '../http/open-upstream.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import { FiniteTransfer, type Part } from '../messages/finite-transfer.ts';
import type { AnsweredSource, FileTransfer } from './transfer.ts';

type Fetch = (part: Part) => Promise<UpstreamResponse>;

/** Why a part of the file stopped before its end. */
type Break = { readonly kind: 'failed'; readonly error: SourceError } | { readonly kind: 'paused' };

type PartEnd = 'client_left' | 'ended' | Break;

/**
 * A viewer that takes nothing for the stall time holds no connection to the provider. When it reads again, the rest is
 * requested.
 *
 * @param fetch requests a part from the source of `opened`
 * @throws {StreampoolError} when the rest of the file is not available
 */
export async function pumpFile(
  transfer: FileTransfer,
  opened: AnsweredSource,
  fetch: Fetch,
): Promise<'client_left' | 'ended'> {
  const file = new FiniteTransfer(opened.response);
  for (let { reader } = opened; ; ) {
    const end = await pumpPart(transfer, file, reader);
    reader.close();
    if (end === 'client_left' || end === 'ended') return end;
    if (end.kind === 'paused' && file.complete) return 'ended';
    const rest = await resume(transfer, file, end, fetch);
    if (rest === undefined) return 'ended';
    reader = rest;
  }
}

async function pumpPart(transfer: FileTransfer, file: FiniteTransfer, reader: BodyReader): Promise<PartEnd> {
  const { settings, schedule, write } = transfer;
  let freed: Promise<void> | undefined;
  const onStall = (): boolean => {
    if (file.resume === undefined && !file.complete) return false;
    reader.close();
    freed = transfer.pause();
    return true;
  };
  try {
    for (;;) {
      if (file.complete) return 'ended';
      const chunk = await reader.read(settings.vodReadTimeoutMs);
      if (chunk === undefined) {
        if (!file.lengthKnown) return 'ended';
        return { kind: 'failed', error: new SourceError('ended', 'The source ended before its file did.') };
      }
      schedule.reset();
      file.advance(chunk.length);
      const isThere = await write(chunk, onStall);
      await freed;
      if (!isThere) return 'client_left';
      if (freed !== undefined) return { kind: 'paused' };
    }
  } catch (error) {
    if (error instanceof SourceError) return { kind: 'failed', error };
    throw error;
  }
}

/**
 * Requests only the same source, because another source would be another file.
 * @returns undefined when everything has already been sent
 */
async function resume(
  transfer: FileTransfer,
  file: FiniteTransfer,
  end: Break,
  fetch: Fetch,
): Promise<BodyReader | undefined> {
  const part = file.resume;
  let error = end.kind === 'failed' ? end.error : undefined;
  if (part === undefined) throw error ?? new Error('A paused transfer cannot be resumed.');
  if (end.kind === 'paused') await transfer.goOn();
  for (;;) {
    if (error !== undefined) await transfer.recovery.wait(error);
    const response: UpstreamResponse | undefined = await fetch(part)
      .then((answer) => (file.endsHere(answer) ? answer : requireSuccess(answer)))
      .catch((caught: unknown) => {
        if (!(caught instanceof SourceError)) throw caught;
        error = caught;
        return undefined;
      });
    if (response === undefined) continue;
    if (file.continuesWith(response)) return readerOf(response);
    response.body.destroy();
    if (file.endsHere(response)) return undefined;
    throw new SourceError('ended', otherBytes(end, response));
  }
}

function otherBytes(end: Break, { status, url }: UpstreamResponse): string {
  const why = end.kind === 'paused' ? 'was closed while its viewer paused' : 'broke off';
  const now = status === 206 ? 'is not the rest of the same file' : 'is a whole file and not the rest of this one';
  return `The source ${maskUrl(url)} ${why}, and what it gives now ${now}.`;
}
