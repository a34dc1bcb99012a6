/**
 * What the parts of a worker ask about time, and what they draw at random. The program has one clock, the system's. In a simulation
 * each worker has a clock of its own, which can stand still or be set while the others go on.
 */

import { randomBytes, randomUUID } from 'node:crypto';

/** A timer that can be cleared by the clock that has made it. */
export interface Timer {
  /** It keeps no process from ending. */
  unref(): Timer;
}

export interface Clock {
  /** ms since 1970. May be set forward or back; only for what people and other machines read. */
  wallMs(): number;
  /** ms since some moment. Never goes back. */
  monotonicMs(): number;
  setTimeout(callback: () => void, ms: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
  setInterval(callback: () => void, ms: number): Timer;
  clearInterval(timer: Timer | undefined): void;
  /** Calls back when what has arrived meanwhile has been read. */
  setImmediate(callback: () => void): void;
  /** From 0 up to, but not including, 1. */
  random(): number;
  randomHex(bytes: number): string;
  /** An id that nobody else has: a UUID. */
  id(): string;
}

/** Looks the globals up at each call, so that a test can replace them. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  setInterval: (callback, ms) => setInterval(callback, ms),
  clearInterval: (timer) => clearInterval(timer as NodeJS.Timeout | undefined),
  setImmediate: (callback) => void setImmediate(callback),
  random: () => Math.random(),
  randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  id: () => randomUUID(),
};
