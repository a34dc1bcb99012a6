/**
 * Pages of a list that is sorted by a number, the largest first, and by id where that is the same. A page begins behind the last row of
 * the page before, whatever has come or gone meanwhile. Pure.
 */

import { z } from 'zod';

/** Where a row stands. */
export interface Position {
  readonly value: number;
  readonly id: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** How many there are on all pages. */
  readonly total: number;
  /** Of the last row; undefined on the last page. */
  readonly next: string | undefined;
}

const cursorShape = z.tuple([z.number(), z.string()]);

/** As answers name a position. */
export function cursorText({ value, id }: Position): string {
  return Buffer.from(JSON.stringify([value, id])).toString('base64url');
}

/** Undefined: no answer can have named it. */
export function readCursor(text: string): Position | undefined {
  try {
    const [value, id] = cursorShape.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { value, id };
  } catch {
    return undefined;
  }
}

/** @param after the last row of the page before */
export function pageOf<Item extends Position>(items: readonly Item[], limit: number, after?: Position): Page<Item> {
  const sorted = items.toSorted(inOrder);
  const rest = after === undefined ? sorted : sorted.filter((item) => inOrder(after, item) < 0);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, total: items.length, next: last && rest.length > limit ? cursorText(last) : undefined };
}

function inOrder(a: Position, b: Position): number {
  return b.value - a.value || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Whether a text has each of some words, in any case. */
export function hasWords(text: string, search: string): boolean {
  const lower = text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

/** Query fields of every list. */
export const listQuery = {
  search: z.string().max(200).optional().describe('Only those that have all these words.'),
  limit: z.coerce.number().int().min(1).max(100).optional().describe('Rows of a page; 50 when absent.'),
  cursor: z
    .string()
    .refine((text) => readCursor(text) !== undefined, 'must be the next_cursor of an answer')
    .optional()
    .describe('The next_cursor of the page before.'),
};

export const DEFAULT_LIMIT = 50;
