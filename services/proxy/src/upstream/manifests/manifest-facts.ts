/** What a DASH manifest says of itself in its first element. Pure. */

export interface ManifestFacts {
  readonly isLive: boolean;
  /** How long a player may wait between two requests: a segment, or an update of the manifest. */
  readonly targetDurationMs: number;
  /** How soon there may be a newer one. */
  readonly updateMs: number;
  /** How long a segment stays available; 0: unknown. */
  readonly windowMs: number;
}

/** Of manifests that do not say how long their segments are. */
const USUAL_SEGMENT_MS = 6_000;
/** Longer ones would keep a session for hours. */
const MAX_TARGET_MS = 60_000;
/** The manifest of a film does not change, but its addresses may expire. */
const FILM_UPDATE_MS = 6_000;
/** Enough for the attributes of the first element. */
const HEAD_CHARACTERS = 64 * 1024;

export function manifestFacts(text: string): ManifestFacts {
  const [head = ''] = /<(?:[\w.-]+:)?MPD\s[^>]*/.exec(text.slice(0, HEAD_CHARACTERS)) ?? [];
  const said = (name: string) => new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)`).exec(head)?.[1];
  const isLive = said('type') === 'dynamic';
  const update = durationMs(said('minimumUpdatePeriod'));
  const segmentMs = durationMs(said('maxSegmentDuration')) || USUAL_SEGMENT_MS;
  return {
    isLive,
    targetDurationMs: Math.min(Math.max(segmentMs, update ?? 0), MAX_TARGET_MS),
    updateMs: isLive ? (update ?? segmentMs) : FILM_UPDATE_MS,
    windowMs: durationMs(said('timeShiftBufferDepth')) ?? 0,
  };
}

const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** An xs:duration, without years and months, in ms. Undefined for anything else. */
export function durationMs(text: string | undefined): number | undefined {
  const [whole, days = 0, hours = 0, minutes = 0, seconds = 0] = DURATION.exec(text ?? '') ?? [];
  if (whole === undefined) return undefined;
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}
