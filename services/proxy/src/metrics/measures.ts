/** Times and counts of what happens once and is kept by nobody: they are noted as it happens. */

import type { ToldEvent } from '../../../registry/events/event.ts';
import type { ToldEvents } from '../../../registry/registry.ts';
import type { RedisTally } from '../cluster/redis-tally.ts';
import { SOURCE_FAILURES } from '../errors.ts';
import { JOIN_STARTS, type Joins } from '../viewers/joins.ts';
import { Collectors, type Observe } from './collectors.ts';
import type { MetricsRegistry } from './worker-metrics.ts';

export interface MeasureSources {
  readonly registry: ToldEvents;
  readonly joins: Pick<Joins, 'onFirstByte'>;
  readonly redis: Pick<RedisTally, 'onAnswer'>;
}

/** Bounds in seconds. */
const JOIN = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const GAP = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const HANDOVER = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const REDIS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Of a handover. A worker that ends at once, or has no reader of the stream, does not see it. */
const EXACTNESS = ['true', 'false', 'unknown'] as const;

export function addMeasures(metrics: MetricsRegistry, { registry, joins, redis }: MeasureSources): void {
  const add = new Collectors(metrics);
  const joinSeconds = add.histogram('joinSeconds', JOIN, JOIN_STARTS);
  joins.onFirstByte((start, seconds) => joinSeconds.get(start)?.(seconds));
  redis.onAnswer(add.histogram('redisSeconds', REDIS));
  const note = {
    takeover: add.counted('takeovers'),
    takeoverGap: add.histogram('takeoverGapSeconds', GAP),
    handover: add.counted('handovers', EXACTNESS),
    handoverSeconds: add.histogram('handoverSeconds', HANDOVER),
    sourceLoss: add.counted('sourceLosses', SOURCE_FAILURES),
    ffmpegGap: add.histogram('ffmpegGapSeconds', GAP),
  };
  // The same figures as in the record of events.
  registry.onTold(({ type, data }: ToldEvent) => {
    if (type === 'takeover') {
      note.takeover();
      observe(note.takeoverGap, data.gap_ms);
    } else if (type === 'handover') {
      note.handover(exactness(data.exact));
      observe(note.handoverSeconds, data.took_ms);
    } else if (type === 'ffmpeg_restarted') {
      observe(note.ffmpegGap, data.gap_ms);
    } else if (type === 'source_lost') {
      note.sourceLoss(String(data.reason));
    }
  });
}

function exactness(exact: unknown): (typeof EXACTNESS)[number] {
  if (typeof exact !== 'boolean') return 'unknown';
  return exact ? 'true' : 'false';
}

/** Some of them have no such figure: nobody waited. */
function observe(by: Observe, ms: unknown): void {
  if (typeof ms === 'number') by(ms / 1000);
}
