/** HLS: what segments and their viewers cost, beside nginx and FFmpeg, and how fast a player has its first picture. */
import type { Bench } from '../main.ts';
import type { Row } from '../table.ts';
import { lowLatency } from './low-latency.ts';
import { passThrough } from './pass-through.ts';
import { players } from './players.ts';
import { segmenter } from './segmenter.ts';
import { sessionCost } from './session-cost.ts';
import { sessions } from './sessions.ts';

export async function hls(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const part of [segmenter, sessions, lowLatency, players, passThrough, sessionCost])
    rows.push(...(await part(bench)));
  return rows;
}
