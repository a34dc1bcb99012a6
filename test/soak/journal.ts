/** What has happened so far, when, and what it may have cost viewers: to judge recordings by, and to print when something is wrong. */
import type { LogLine } from '../support/worker.ts';
import type { FaultKind, SoakEvent } from './schedule.ts';

/** A fault, from its beginning until what it broke has been put right. */
export interface Fault {
  readonly event: SoakEvent;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  /** What it was done to. */
  target: string;
}

/** How long media may be missing beyond the time that a fault lasts, in ms; nothing where the pool promises that nothing is lost. */
const LEASE_AND_START_MS = 5_600 + 3_500;
const GOP_AND_RETRY_MS = 5_000;
const COST_MS: Record<FaultKind, number> = {
  'kill worker': LEASE_AND_START_MS,
  // Its drain is short, so what could not be handed over in time is taken over.
  'terminate worker': GOP_AND_RETRY_MS,
  'stop worker': LEASE_AND_START_MS,
  'kill ffmpeg': 0,
  'stop ffmpeg': 0,
  'cut relays': 0,
  'kill redis': 0,
  'stop redis': 0,
  'cut source': GOP_AND_RETRY_MS,
  'refuse source': GOP_AND_RETRY_MS,
  'burst of viewers': 0,
  'drain and kill': LEASE_AND_START_MS,
  'change by API': GOP_AND_RETRY_MS,
  // A lease or an owner's record among them is what a dead worker leaves.
  'evict keys': LEASE_AND_START_MS,
  'leaving viewers': 0,
};
/** Without `-c copy` an FFmpeg that dies loses nothing; with it, media up to the next keyframe. */
const COPY_COST_MS: Partial<Record<FaultKind, number>> = {
  'kill ffmpeg': GOP_AND_RETRY_MS,
  'stop ffmpeg': GOP_AND_RETRY_MS,
};
/** What a viewer has ahead when it joins, and what lies in the sockets of one that stood still. */
const LATE_MS = 6_000;

/** Until workers that were parted have one feed again, and players have read what differs. */
const PARTED_MS = 15_000;

/** Kinds after which a worker is gone, and another one comes under its name. */
const DEATHS: readonly FaultKind[] = ['kill worker', 'terminate worker', 'drain and kill'];

/** Kinds after which Redis does not know everything for a moment. */
const REDIS_FAULTS: readonly FaultKind[] = ['kill redis', 'stop redis', 'evict keys'];

/** Until every worker has told a Redis that is back what it has. */
export const REDIS_BACK_MS = 3_000;

export class Journal {
  readonly seed: number;
  readonly faults: Fault[] = [];
  readonly #startedAtMs = Date.now();

  constructor(seed: number) {
    this.seed = seed;
  }

  begin(event: SoakEvent): Fault {
    const fault: Fault = { event, startedAtMs: Date.now(), endedAtMs: undefined, target: '' };
    this.faults.push(fault);
    return fault;
  }

  /** Longest time without media that a viewer of such a stream may see when it ends at `atMs`, and why. */
  allowedGap(atMs: number, gapMs: number, copies: boolean): { ms: number; why: Fault[] } {
    const fromMs = atMs - gapMs - LATE_MS;
    const near = this.faults.filter(({ event, startedAtMs, endedAtMs }) => {
      const overMs = (endedAtMs ?? Number.POSITIVE_INFINITY) + costOf(event.kind, copies);
      return startedAtMs <= atMs && overMs >= fromMs;
    });
    const costs = near.map((fault) => costOf(fault.event.kind, copies));
    if (costs.every((cost) => cost === 0)) return { ms: 0, why: near };
    // Troubles add up: while one lasts, the remedy of another waits.
    const lasted = near.map(({ startedAtMs, endedAtMs }) => (endedAtMs ?? atMs) - startedAtMs);
    return { ms: [...costs, ...lasted].reduce((all, ms) => all + ms, 0), why: near };
  }

  /** Whether Redis did not answer, or had just come back, at some time of these. */
  redisFailed(fromMs: number, untilMs: number): boolean {
    return this.faults.some(({ event: { kind }, startedAtMs, endedAtMs }) => {
      const overMs = (endedAtMs ?? Number.POSITIVE_INFINITY) + REDIS_BACK_MS;
      return REDIS_FAULTS.includes(kind) && startedAtMs <= untilMs && overMs >= fromMs;
    });
  }

  /** Whether workers may have had a feed each: one stood still, or one went while Redis could not say who goes on. */
  mayDiffer(atMs: number): boolean {
    const fromMs = atMs - PARTED_MS;
    return (
      this.#lasted(['stop worker'], fromMs, atMs) || (this.redisFailed(fromMs, atMs) && this.mayBeGone(fromMs, atMs))
    );
  }

  /** Whether a worker may not have answered at some time of these. */
  mayBeGone(fromMs: number, untilMs: number): boolean {
    return this.#lasted([...DEATHS, 'stop worker'], fromMs, untilMs);
  }

  /** Whether the media of a segment may be lost: its owner died, and the others had died before and had just come again. */
  mayBeLost(atMs: number): boolean {
    return this.#during(DEATHS, atMs - PARTED_MS, atMs).length > 1;
  }

  #lasted(kinds: readonly FaultKind[], fromMs: number, untilMs: number): boolean {
    return this.#during(kinds, fromMs, untilMs).length > 0;
  }

  #during(kinds: readonly FaultKind[], fromMs: number, untilMs: number): Fault[] {
    return this.faults.filter(({ event: { kind }, startedAtMs, endedAtMs }) => {
      return kinds.includes(kind) && startedAtMs <= untilMs && (endedAtMs ?? Number.POSITIVE_INFINITY) >= fromMs;
    });
  }

  /** Whether at this time Redis may have lost a stream that only a worker knows which has ended, or stands still. */
  mayBeForgotten(atMs: number): boolean {
    const lasts = (kinds: readonly FaultKind[]) =>
      this.faults.some(({ event: { kind }, startedAtMs, endedAtMs }) => {
        const overMs = (endedAtMs ?? Number.POSITIVE_INFINITY) + REDIS_BACK_MS;
        return kinds.includes(kind) && startedAtMs <= atMs && overMs >= atMs;
      });
    return lasts(['evict keys', 'kill redis']) && lasts([...DEATHS, 'stop worker']);
  }

  /** The events so far, a line each. */
  story(): string {
    return this.faults.map((fault) => this.line(fault)).join('\n');
  }

  line({ event, startedAtMs, endedAtMs, target }: Fault): string {
    const lasted = endedAtMs === undefined ? '' : `, over after ${((endedAtMs - startedAtMs) / 1000).toFixed(1)} s`;
    return `${this.time(startedAtMs)} #${event.number} ${event.kind}: ${target}${lasted}`;
  }

  /** Seconds since the beginning. */
  time(atMs: number): string {
    return `${((atMs - this.#startedAtMs) / 1000).toFixed(2).padStart(7)} s`;
  }

  /** Log lines of several workers in the order of time, on this clock. */
  logs(lines: readonly LogLine[], fromMs: number, untilMs: number): string {
    return lines
      .map((line) => ({ line, atMs: Date.parse(String(line.time)) }))
      .filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ line: { time: _, pid: __, hostname: ___, worker, level, msg, ...rest }, atMs }) => {
        return `${this.time(atMs)} ${worker} ${level} ${msg} ${JSON.stringify(rest)}`;
      })
      .join('\n');
  }
}

function costOf(kind: FaultKind, copies: boolean): number {
  return (copies ? COPY_COST_MS[kind] : undefined) ?? COST_MS[kind];
}
