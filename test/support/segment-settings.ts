/** The settings of HLS, for tests that are about something else. */

import type { SegmentSettings } from '../../services/proxy/src/segments/feed-segments.ts';

export const SEGMENT_SETTINGS: SegmentSettings = {
  ...{ segmentMs: 2_000, listSize: 15, startSegments: 2, waitMs: 10_000 },
  ...{ partMs: 330, maxClients: 0 },
};
