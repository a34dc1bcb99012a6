/** Which playlist a player waits for: `_HLS_msn` and `_HLS_part` (draft-pantos-hls-rfc8216bis, 6.2.5.2). */

import { StreampoolError } from '../errors.ts';
import type { SegmentList } from '../feed/hls/segment-list.ts';

export interface Reload {
  /** Number of a segment. */
  readonly msn: number;
  /** Undefined: the whole segment. */
  readonly part: number | undefined;
}

/** What a player may say when it asks for a playlist again. */
export interface PlaylistWish {
  /** It waits for this. */
  readonly reload?: Reload | undefined;
  /** It has an earlier one, and wants no old segments. */
  readonly skips?: boolean;
  /** It cannot begin with fewer segments. */
  readonly least?: number;
}

/** The same in the query of a request. */
export interface HlsDirectives {
  readonly _HLS_msn?: string | undefined;
  readonly _HLS_part?: string | undefined;
  readonly _HLS_skip?: string | undefined;
}

const NUMBER = /^\d{1,15}$/;

/** @throws {StreampoolError} 400 for what no player says */
export function wishOf({ _HLS_msn: msn, _HLS_part: part, _HLS_skip: skip }: HlsDirectives): PlaylistWish {
  const skips = skip === 'YES' || skip === 'v2';
  if (msn === undefined && part === undefined) return { skips };
  return {
    skips,
    reload: { msn: numberOf('_HLS_msn', msn), part: part === undefined ? undefined : numberOf('_HLS_part', part) },
  };
}

function numberOf(name: string, value: string | undefined): number {
  if (value !== undefined && NUMBER.test(value)) return Number(value);
  const problem = value === undefined ? 'is missing beside _HLS_part' : 'is no number';
  throw new StreampoolError(400, `${name} ${problem}.`);
}

type Listed = Pick<SegmentList, 'newest' | 'open' | 'partTarget'>;

/** Whether playlists have it. */
export function hasReached({ newest, open, partTarget }: Listed, { msn, part }: Reload): boolean {
  if (newest === undefined) return false;
  if (newest.n !== msn || part === undefined || partTarget === undefined) {
    if (newest.n >= msn) return true;
    return part !== undefined && open?.n === msn && open.parts.length > part;
  }
  // A part that the segment does not have stands for the first one of the next segment.
  return part < (newest.parts?.length ?? 0) || (open?.parts.length ?? 0) > 0;
}
