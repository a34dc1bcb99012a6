/**
 * What this worker's sessions have got, and when it has last seen them, until the registry knows. Several workers add up what they sent to
 * a session, so each tells what has come since it last did. If the answer to that is lost, it is told twice.
 */

import type { ClientReport, NamedSession, RenamedClient } from '../../types.ts';

export interface Untold extends NamedSession {
  readonly bytes: number;
  readonly segments: number;
  readonly lastAccessMs: number;
  /** Monotonic. */
  readonly seenMs: number;
  readonly timeoutMs: number;
}

/** With more in one renewal, Redis would answer nobody else for more than about 20 ms. The others come with the next ones. */
const TOLD_AT_MOST = 1_000;

export class SessionCounters {
  readonly #untold = new Map<string, Untold>();

  report({ streamId, clientId, bytesServed, segmentsServed, lastAccessMs, seen }: ClientReport): void {
    if (seen === undefined) return;
    const key = keyOf(streamId, clientId);
    const before = this.#untold.get(key);
    this.#untold.set(key, {
      streamId,
      clientId,
      bytes: (before?.bytes ?? 0) + Math.round(bytesServed),
      segments: (before?.segments ?? 0) + segmentsServed,
      lastAccessMs: Math.round(Math.max(before?.lastAccessMs ?? 0, lastAccessMs)),
      seenMs: seen.atMs,
      timeoutMs: seen.timeoutMs,
    });
  }

  /** What a renewal tells, those that wait longest first. */
  toTell(): Untold[] {
    return [...this.#untold.values()].slice(0, TOLD_AT_MOST);
  }

  /** Redis knows this. */
  told(reports: readonly Untold[]): void {
    for (const report of reports) {
      const key = keyOf(report.streamId, report.clientId);
      const now = this.#untold.get(key);
      if (now === undefined) continue;
      // What has come meanwhile goes behind those that still wait.
      this.#untold.delete(key);
      if (now === report) continue;
      this.#untold.set(key, { ...now, bytes: now.bytes - report.bytes, segments: now.segments - report.segments });
    }
  }

  /** What Redis does not know yet of a session. */
  untold(streamId: string, clientId: string): Pick<Untold, 'bytes' | 'segments'> {
    return this.#untold.get(keyOf(streamId, clientId)) ?? { bytes: 0, segments: 0 };
  }

  rename({ streamId, clientId, newId }: RenamedClient): void {
    const key = keyOf(streamId, clientId);
    const untold = this.#untold.get(key);
    if (untold === undefined) return;
    this.#untold.delete(key);
    this.#untold.set(keyOf(streamId, newId), { ...untold, clientId: newId });
  }
}

/** As renew.lua takes them. */
export function toldText(reports: readonly Untold[], nowMs: number): string {
  const lines = reports.map(({ streamId, clientId, bytes, segments, lastAccessMs, seenMs, timeoutMs }) => {
    return [streamId, clientId, bytes, segments, lastAccessMs, Math.max(0, Math.round(seenMs + timeoutMs - nowMs))];
  });
  return lines.length === 0 ? '' : JSON.stringify(lines);
}

function keyOf(streamId: string, clientId: string): string {
  return `${streamId} ${clientId}`;
}
