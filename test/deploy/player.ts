/** A viewer as players are: when its stream ends it asks for it again at once, at the same address. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Recording, type RecordingHandle, startRecording } from '../support/recorder.ts';
import { SERVED_BY } from './load-balancer.ts';

/** After an answer without a stream. */
const RETRY_MS = 500;

/** What it got over one connection. */
export interface Piece {
  readonly recording: Recording;
  /** The worker that it came from. */
  readonly from: string;
}

export interface Refusal {
  readonly atMs: number;
  readonly why: string;
}

export class Player {
  readonly number: number;
  /** Whatever tells streams apart. */
  readonly stream: string;
  readonly pieces: Piece[] = [];
  /** Asked, and got no stream. */
  readonly refusals: Refusal[] = [];
  /** Most of them in a row. */
  refusedInARow = 0;
  readonly #url: string;
  readonly #done: Promise<void>;
  #handle: RecordingHandle | undefined;
  #leaves = false;

  constructor(number: number, stream: string, url: string) {
    this.number = number;
    this.stream = stream;
    this.#url = url;
    this.#done = this.#watch();
  }

  /** The worker that serves it now; undefined before it has answered. */
  get servedBy(): string | undefined {
    const served = this.#handle?.snapshot().headers[SERVED_BY];
    return served === undefined ? undefined : String(served);
  }

  get byteCount(): number {
    return this.#handle?.byteCount ?? 0;
  }

  /** Changes the channel and comes back, or restarts: its connection ends, and it asks again at once. */
  async again(): Promise<void> {
    await this.#handle?.stop();
  }

  async leave(): Promise<void> {
    this.#leaves = true;
    await this.#handle?.stop();
    await this.#done;
  }

  async #watch(): Promise<void> {
    let inARow = 0;
    while (!this.#leaves) {
      this.#handle = startRecording(this.#url);
      const recording = await this.#handle.done;
      if (recording.status === 200 && recording.byteCount > 0) {
        this.pieces.push({ recording, from: String(recording.headers[SERVED_BY]) });
        inARow = 0;
      } else if (!this.#leaves) {
        this.refusals.push({ atMs: Date.now(), why: `${recording.status} ${recording.error ?? recording.endedBy}` });
        this.refusedInARow = Math.max(this.refusedInARow, ++inARow);
        await sleep(RETRY_MS);
      }
    }
  }
}

/** One reconnection. Times in ms. */
export interface Gap {
  readonly player: Player;
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  /** From the last byte of one connection to the first of the next. */
  readonly silentMs: number;
  /** From its request for the next one to the first byte, within those. */
  readonly answerMs: number;
  /** From the last picture of one to the first of the next, by the stream's own clock; what is seen twice is below zero. */
  readonly missedMs: number;
}

const TICKS_PER_MS = 90;

/** @param lastDts of a piece's pictures, and the first one, in 90 kHz ticks */
export function gapBetween(player: Player, before: JudgedPiece, after: JudgedPiece): Gap {
  const { recording: last } = before.piece;
  const { recording: next } = after.piece;
  const lastByteAtMs = last.startedAt + (last.arrivals.at(-1)?.atMs ?? 0);
  const firstByteAtMs = next.startedAt + (next.firstByteMs ?? 0);
  return {
    player,
    atMs: lastByteAtMs,
    from: before.piece.from,
    to: after.piece.from,
    silentMs: firstByteAtMs - lastByteAtMs,
    answerMs: next.firstByteMs ?? 0,
    missedMs: (after.firstDts - before.lastDts - before.frameTicks) / TICKS_PER_MS,
  };
}

export interface JudgedPiece {
  readonly piece: Piece;
  readonly firstDts: number;
  readonly lastDts: number;
  readonly frameTicks: number;
}
