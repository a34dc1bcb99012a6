/** HLS: what segments and their viewers cost, beside nginx and FFmpeg, and how fast a player has its first picture. */
import { lowLatency } from './low-latency.ts';
import { passThrough } from './pass-through.ts';
import { players } from './players.ts';
import { segmenter } from './segmenter.ts';
import { sessionCost } from './session-cost.ts';
import { sessions } from './sessions.ts';

/** Each can be measured alone. */
export const HLS_PARTS = {
  'hls/segmenter': segmenter,
  'hls/sessions': sessions,
  'hls/low-latency': lowLatency,
  'hls/players': players,
  'hls/pass-through': passThrough,
  'hls/session-cost': sessionCost,
};
