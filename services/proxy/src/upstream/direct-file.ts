/** Passes a file on: a transfer that breaks is resumed at the right byte of the same file, or cut off, never patched up. */
import { SourceError } from '../errors.ts';
import { BodyReader } from './body-reader.ts';
import type { OpenedSource, Transfer } from './direct-stream.ts';
import { FiniteTransfer } from './finite-transfer.ts';
import { maskUrl } from './mask.ts';
import { requireSuccess, type UpstreamResponse } from './open-upstream.ts';

interface Part {
  readonly range: string;
  readonly ifRange: string | undefined;
}

type Fetch = (part: Part) => Promise<UpstreamResponse>;

/**
 * @param fetch asks the source that `opened` came from for a part
 * @throws {SourceError} when the rest of the file cannot be had
 */
export async function pumpFile(
  transfer: Transfer,
  opened: OpenedSource,
  fetch: Fetch,
): Promise<'client_left' | 'ended'> {
  const file = new FiniteTransfer(opened.response);
  for (let { reader } = opened; ; ) {
    const end = await pumpPart(transfer, file, reader);
    reader.close();
    if (end === 'client_left' || end === 'ended') return end;
    reader = await resume(transfer, file, end, fetch);
  }
}

async function pumpPart(
  { settings, schedule, write }: Transfer,
  file: FiniteTransfer,
  reader: BodyReader,
): Promise<'client_left' | 'ended' | SourceError> {
  try {
    for (;;) {
      if (file.complete) return 'ended';
      const chunk = await reader.read(settings.vodReadTimeoutMs);
      if (chunk === undefined) {
        return file.lengthKnown ? new SourceError('ended', 'The source ended before its file did.') : 'ended';
      }
      schedule.reset();
      file.advance(chunk.length);
      if (!(await write(chunk))) return 'client_left';
    }
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}

/** Another source would be another file, so only the same one is asked. */
async function resume(
  transfer: Transfer,
  file: FiniteTransfer,
  failure: SourceError,
  fetch: Fetch,
): Promise<BodyReader> {
  const part = file.resume;
  if (part === undefined) throw failure;
  for (let error = failure; ; ) {
    await transfer.recovery.wait(error);
    const response = await fetch(part)
      .then(requireSuccess)
      .catch((caught: unknown) => {
        if (!(caught instanceof SourceError)) throw caught;
        error = caught;
      });
    if (response === undefined) continue;
    if (file.continuesWith(response)) return new BodyReader(response.body, response.url);
    response.body.destroy();
    const message = `The source ${maskUrl(response.url)} broke off, and what it gives now is not the rest of the same file.`;
    throw new SourceError('ended', message);
  }
}
