/** What happens to a simulated cluster: who watches when, and which faults there are. `drawn-schedule.ts` makes one of a seed. */

import type { Habits, Outage } from './providers/provider.ts';
import type { Trouble } from './providers/resolver.ts';

export const WORKERS = ['w1', 'w2', 'w3'] as const;
export type WorkerName = (typeof WORKERS)[number];
/** A worker, or Redis. */
export type MachineName = WorkerName | 'redis';

/** All times in ms. */
export type Happening = { readonly atMs: number } & (
  | { readonly kind: 'viewer'; readonly stream: number; readonly worker: number; readonly stayMs: number | undefined }
  /** The process is killed; another one begins under its name. */
  | { readonly kind: 'crash'; readonly worker: WorkerName; readonly downMs: number }
  /** The machine loses its power: nothing says that its process is gone. */
  | { readonly kind: 'power'; readonly worker: WorkerName; readonly downMs: number }
  | { readonly kind: 'pause'; readonly worker: WorkerName; readonly ms: number }
  | {
      readonly kind: 'cut';
      readonly from: MachineName;
      readonly to: MachineName;
      readonly isOneWay: boolean;
      readonly ms: number;
    }
  /** `share` of the packets are lost once; all take `moreMs` longer. */
  | {
      readonly kind: 'slow';
      readonly from: MachineName;
      readonly to: MachineName;
      readonly share: number;
      readonly moreMs: number;
      readonly ms: number;
    }
  | { readonly kind: 'hang'; readonly ms: number }
  | { readonly kind: 'redis'; readonly downMs: number; readonly kept: 'all' | 'nothing' | 'all_but_a_second' }
  /** `only`: keys that begin with this. */
  | { readonly kind: 'evict'; readonly keys: number; readonly only?: string }
  /** The slots of a stream have a value of another type meanwhile: somebody wrote into Redis by hand. */
  | { readonly kind: 'spoil'; readonly stream: number; readonly ms: number }
  | { readonly kind: 'clock'; readonly machine: MachineName; readonly byMs: number }
  /** Something is wrong with a source. Unset: it `refuses`. */
  | {
      readonly kind: 'source';
      readonly stream: number;
      readonly isBackup: boolean;
      readonly outage?: Outage;
      readonly ms: number;
    }
  /** Something is wrong with the resolver. */
  | { readonly kind: 'resolver'; readonly trouble: Trouble; readonly ms: number }
  /** Somebody asks a worker to move a stream to its next source, or to delete it. */
  | { readonly kind: 'failover' | 'delete'; readonly stream: number; readonly worker: WorkerName }
  | { readonly kind: 'drain'; readonly worker: WorkerName; readonly ms: number }
);

export interface Schedule {
  readonly seed: number;
  readonly happenings: readonly Happening[];
  /** A resolver says where a group goes next; else its streams name a backup. */
  readonly hasResolver?: boolean;
  /** These streams are passed on as they are, to viewers who share a connection; FFmpeg makes the others. */
  readonly direct?: readonly number[];
  /** Unset: providers begin a connection with the next picture, on one clock. */
  readonly habits?: Habits;
}

/** This stream has the sources of stream 0: another profile of the same channel. */
export const SECOND_PROFILE = 2;
/** The streams from this one on are live MPEG-TS, which source feeds read; else the same ones again. FFmpeg opens the others itself. */
export const LIVE = 10;
/** Streams from this one on are of one account, which allows fewer connections than they need together. */
export const ONE_ACCOUNT = 3;

/** When a fault is over, in ms. */
export function endMs(happening: Happening): number {
  const { atMs } = happening;
  if ('ms' in happening) return atMs + happening.ms;
  if ('downMs' in happening) return atMs + happening.downMs;
  return atMs;
}

const OUTAGES: Readonly<Record<Outage, string>> = {
  refuses: 'breaks, and refuses',
  drops: 'breaks, and takes new connections',
  hangs: 'is silent',
  mute: 'is silent, and does not answer',
};

const TROUBLES: Readonly<Record<Trouble, string>> = {
  slow: 'is slow',
  fails: 'answers 503',
  silent: 'does not answer',
};

/** What does not happen at a time, as sentences. */
export function circumstances({ direct = [], habits, hasResolver = false }: Schedule): string[] {
  const { burstMs = 0, hasOwnClocks = false } = habits ?? {};
  return [
    direct.length > 0 ? `direct streams: ${direct.join(' and ')}` : '',
    burstMs > 0 ? `each connection to a source begins with its last ${burstMs / 1000} s` : '',
    hasOwnClocks ? 'each connection to a source has its own clock' : '',
    hasResolver ? 'a resolver says where groups go' : '',
  ].filter((each) => each !== '');
}

/** A happening as a sentence. */
export function asSentence(happening: Happening): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  switch (happening.kind) {
    case 'viewer': {
      const stay = happening.stayMs === undefined ? 'and stays' : `for ${seconds(happening.stayMs)}`;
      return `a viewer of stream ${happening.stream} comes to w${happening.worker + 1} ${stay}`;
    }
    case 'crash':
      return `${happening.worker} is killed; it begins again after ${seconds(happening.downMs)}`;
    case 'power':
      return `the machine of ${happening.worker} loses its power for ${seconds(happening.downMs)}`;
    case 'pause':
      return `${happening.worker} stands still for ${seconds(happening.ms)}`;
    case 'cut': {
      const { from, to, isOneWay, ms } = happening;
      return isOneWay
        ? `nothing gets from ${from} to ${to} for ${seconds(ms)}`
        : `${from} and ${to} are cut off from each other for ${seconds(ms)}`;
    }
    case 'slow': {
      const { from, to, share, moreMs, ms } = happening;
      return `the way from ${from} to ${to} loses ${Math.round(share * 100)} % and takes ${Math.round(moreMs)} ms more for ${seconds(ms)}`;
    }
    case 'hang':
      return `Redis hangs for ${seconds(happening.ms)}`;
    case 'redis': {
      const kept = { all: 'everything', nothing: 'nothing', all_but_a_second: 'all but its last second' }[
        happening.kept
      ];
      return `Redis ends; it is back after ${seconds(happening.downMs)} with ${kept}`;
    }
    case 'evict':
      return `Redis drops ${happening.keys} keys${happening.only === undefined ? '' : ` of ${happening.only}`}`;
    case 'spoil':
      return `the slots of stream ${happening.stream} are no record in Redis for ${seconds(happening.ms)}`;
    case 'clock':
      return `the clock of ${happening.machine} is set by ${seconds(happening.byMs)}`;
    case 'source':
      return `the ${happening.isBackup ? 'backup' : 'source'} of stream ${happening.stream} ${OUTAGES[happening.outage ?? 'refuses']} for ${seconds(happening.ms)}`;
    case 'resolver':
      return `the resolver ${TROUBLES[happening.trouble]} for ${seconds(happening.ms)}`;
    case 'failover':
      return `${happening.worker} is told to move stream ${happening.stream} to its next source`;
    case 'delete':
      return `${happening.worker} is told to delete stream ${happening.stream}`;
    case 'drain':
      return `${happening.worker} drains for ${seconds(happening.ms)}`;
  }
}
