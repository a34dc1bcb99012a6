/** The settings with which simulated workers read sources. */

import type { SourceSettings } from '../../../../services/proxy/src/sources/source-feed.ts';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { HopMarker } from '../../../../services/proxy/src/upstream/egress/hop-marker.ts';

/** Shorter than those of the program, as a schedule has 20 seconds. */
export const SOURCE_SETTINGS: SourceSettings = {
  connectTimeoutMs: 2_000,
  readTimeoutMs: 3_000,
  liveChunkTimeoutMs: 5_000,
  streamTimeoutMs: 10_000,
  retry: { retryAttempts: 3, retryDelayMs: 1_000, retryExponentialBackoff: false, streamTotalTimeoutMs: 30_000 },
  bitrate: {
    bitrateMonitoring: false,
    minBitrateBytesPerSecond: 0,
    bitrateCheckIntervalMs: 1_000,
    bitrateFailoverThreshold: 3,
    bitrateGraceMs: 0,
  },
  slowDetection: true,
  segmentMs: 2_000,
};

/** All names lead to one address of the internet. */
export const GUARD = new EgressGuard(
  { loopback: false, lan: false, ranges: [], hosts: [] },
  async () => [{ address: '1.1.1.1', family: 4 }],
  new HopMarker(() => 'the secret of this cluster'),
);
