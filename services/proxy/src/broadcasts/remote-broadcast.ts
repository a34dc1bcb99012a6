/** Asks another worker for what it has of a broadcast. */

import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Wire } from '../relay/wire.ts';

/** A worker that takes longer has gone, or has no time. A segment of some MB takes less. */
const ANSWER_MS = 5_000;

/**
 * @param what `indexes`, or `{epoch}/{name}`
 * @returns undefined when it has not got that, or does not answer
 */
export async function askForBroadcast(
  { clock, request }: Wire,
  { address, incarnation }: Pick<WorkerIdentity, 'address' | 'incarnation'>,
  secret: string,
  id: string,
  what: string,
): Promise<Buffer | undefined> {
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(), ANSWER_MS);
  try {
    return await new Promise<Buffer | undefined>((resolve) => {
      const call = request(`http://${address}/broadcasts/${id}/${what}`, {
        ...{ agent: false, signal: late.signal },
        headers: { Authorization: `Bearer ${secret}`, 'X-Incarnation': incarnation },
      });
      call.once('error', () => resolve(undefined));
      call.once('response', (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', () => undefined);
        response.once('close', () =>
          resolve(response.complete && response.statusCode === 200 ? Buffer.concat(pieces) : undefined),
        );
      });
      call.end();
    });
  } finally {
    clock.clearTimeout(timer);
  }
}
