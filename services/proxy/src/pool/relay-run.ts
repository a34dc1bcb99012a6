/** A run whose bytes come from the same feed on another worker. */

import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Owner } from '../../../registry/types.ts';
import { deferred } from '../async.ts';
import { SourceError, type SourceFailure, StreampoolError } from '../errors.ts';
import { FiniteSourceError } from './finite-source.ts';
import { FrameReader, type RelayEnd, type RelayFrame } from './relay-frames.ts';
import type { Run, RunEnd } from './run.ts';

export interface RelayRequest {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly owner: Owner;
  readonly secret: string;
  /** Media time in ms up to which this worker has the feed already. */
  readonly afterMs: number | undefined;
  readonly signal: AbortSignal;
}

/** How a relay ended: by a record of the owner, or without one. */
export type RelayOutcome =
  | RelayEnd
  /** The connection broke or was refused, or another incarnation answered; `silent`: nothing came for too long. */
  | { kind: 'lost'; owner: Owner; why: 'closed' | 'refused' | 'silent' | 'other_incarnation' | 'not_there' };

/** Pings come twice a second. */
const SILENCE_MS = 2_000;
const CONNECT_MS = 2_000;
/** Media that waits to be spliced; beyond, the owner's socket waits. */
const BUFFER_BYTES = 1024 * 1024;

/** Dials the owner. Never throws: what went wrong is how the run ends. */
export function startRelayRun(request: RelayRequest): Run {
  const { owner, feed, secret, afterMs, signal } = request;
  const ended = deferred<RunEnd>();
  let response: IncomingMessage | undefined;
  const output = new Readable({ highWaterMark: BUFFER_BYTES, read: () => void response?.resume() });
  let settled = false;
  const settle = (relay: RelayOutcome) => {
    if (settled) return;
    settled = true;
    clearTimeout(silence);
    dial.destroy();
    if (!output.destroyed) output.push(null);
    ended.resolve({ exit: undefined, sourceError: undefined, orderly: false, relay });
  };
  const lost = (why: Extract<RelayOutcome, { kind: 'lost' }>['why']) => settle({ kind: 'lost', owner, why });

  const after = afterMs === undefined ? '' : `?after=${Math.floor(afterMs)}`;
  const dial = get(`http://${owner.address}/feeds/${feed}${after}`, {
    agent: false,
    headers: { Authorization: `Bearer ${secret}` },
    signal,
  });
  let silence = setTimeout(() => lost('silent'), CONNECT_MS);
  const frames = new FrameReader();
  const onFrame = (frame: RelayFrame) => {
    if (frame.type === 'hello' && frame.hello.incarnation !== owner.incarnation) lost('other_incarnation');
    else if (frame.type === 'end') settle(frame.end);
    else if (frame.type === 'data' && !settled && !output.push(frame.bytes)) response?.pause();
  };
  dial.once('response', (answer) => {
    response = answer;
    if (answer.headers['x-incarnation'] !== owner.incarnation) lost('other_incarnation');
    else if (answer.statusCode !== 200) lost('not_there');
    answer.on('data', (chunk: Buffer) => {
      clearTimeout(silence);
      silence = setTimeout(() => lost('silent'), SILENCE_MS);
      frames.push(chunk, onFrame);
    });
    answer.once('close', () => lost('closed'));
    answer.on('error', () => lost('closed'));
  });
  dial.once('error', (error: NodeJS.ErrnoException) => lost(error.code === 'ECONNREFUSED' ? 'refused' : 'closed'));
  return {
    output,
    ended: ended.promise,
    source: undefined,
    relayedFrom: owner.incarnation,
    pid: undefined,
    duration: Promise.resolve(undefined),
    kill: () => lost('closed'),
    release: () => undefined,
  };
}

/** The owner's failure, as if it had happened here. */
export function relayedError(end: Extract<RelayEnd, { kind: 'failed' }>): StreampoolError {
  if (end.reason === 'finite') return new FiniteSourceError();
  if (end.status === 502 || end.status === 504) return new SourceError(end.reason as SourceFailure, end.message);
  return new StreampoolError(end.status, end.message);
}
