/** What it cost viewers, as a table. */

import { judgeTs } from '../support/judge/index.ts';
import type { Verdict } from '../support/judge/verdict.ts';
import { type Gap, gapBetween, type JudgedPiece, type Piece, type Player } from './player.ts';

/** DTS steps longer than this are gaps: FFmpeg puts up to 0.7 s of sound into one unit. */
const GAP_MS = 1_000;
/** 25 frames a second. */
const FRAME_TICKS = 3_600;

export interface JudgedPlayer {
  readonly player: Player;
  readonly pieces: readonly { piece: Piece; verdict: Verdict }[];
  readonly gaps: readonly Gap[];
}

export function judgePlayer(player: Player): JudgedPlayer {
  const pieces = player.pieces.map((piece) => ({ piece, verdict: judgeTs(piece.recording, { gapMs: GAP_MS }) }));
  const judged: JudgedPiece[] = pieces.map(({ piece, verdict }) => ({
    piece,
    firstDts: verdict.video?.dtsList[0] ?? Number.NaN,
    lastDts: verdict.video?.dtsList.at(-1) ?? Number.NaN,
    frameTicks: FRAME_TICKS,
  }));
  const gaps = judged.slice(1).flatMap((after, at) => {
    const before = judged[at];
    return before === undefined ? [] : [gapBetween(player, before, after)];
  });
  return { player, pieces, gaps };
}

/** Of a part of the run: `fromMs` to `toMs`, since the Unix epoch. */
export interface Part {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const HEADINGS = [
  '',
  'viewers',
  'had to reconnect',
  'at most, each',
  'refused first',
  'nothing came for: p50',
  'p95',
  'max',
  'of it, the answer: p50',
  'max',
  'media missed: max',
];

export function table(parts: readonly Part[], players: readonly JudgedPlayer[]): string {
  const rows = [HEADINGS, ...parts.map((part) => rowOf(part, players))];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')).join('\n');
}

function rowOf(part: Part, players: readonly JudgedPlayer[]): string[] {
  const gaps = gapsIn(part, players);
  const perPlayer = players.map(({ player }) => gaps.filter((gap) => gap.player === player).length);
  const refusals = players.flatMap(({ player }) => player.refusals.filter(({ atMs }) => isIn(part, atMs)));
  const silent = gaps.map(({ silentMs }) => silentMs);
  return [
    part.name,
    String(players.length),
    String(perPlayer.filter((count) => count > 0).length),
    String(Math.max(0, ...perPlayer)),
    String(refusals.length),
    ...[0.5, 0.95, 1].map((share) => ms(quantile(silent, share))),
    ...[0.5, 1].map((share) =>
      ms(
        quantile(
          gaps.map(({ answerMs }) => answerMs),
          share,
        ),
      ),
    ),
    gaps.length === 0 ? '-' : ms(Math.max(0, ...gaps.map(({ missedMs }) => missedMs))),
  ];
}

export function gapsIn(part: Part, players: readonly JudgedPlayer[]): Gap[] {
  return players.flatMap(({ gaps }) => gaps.filter(({ atMs }) => isIn(part, atMs)));
}

/** Undefined when there is none. */
export function quantile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
}

function isIn({ fromMs, toMs }: Part, atMs: number): boolean {
  return atMs >= fromMs && atMs < toMs;
}

function ms(value: number | undefined): string {
  return value === undefined ? '-' : `${Math.round(value)} ms`;
}
