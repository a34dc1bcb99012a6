/** What distinguishes one stage's templates from another's, as lines that people read. */

import { createHash } from 'node:crypto';
import type { StageStack } from '../../infra/transitions/stage-stacks.ts';

/** A longer text is cut. The hash behind it stands for all of it. */
const MAX_TEXT = 400;

type Fields = Readonly<Record<string, unknown>>;

/**
 * A line for each value that is different: `+` only in `other`, `-` only in `base`, `~` in both. Hashes of files are left out,
 * because they change with every line of code, and so are tags.
 */
export function differences(base: readonly StageStack[], other: readonly StageStack[]): string[] {
  return other.flatMap(({ name, template }) => {
    const before = base.find((stack) => stack.name === name)?.template ?? {};
    const stack = name.split('-').at(-1);
    return (['Resources', 'Outputs'] as const).flatMap((part) =>
      different(`${stack}`, plain(before[part] ?? {}), plain(template[part] ?? {})),
    );
  });
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replace(/[0-9a-f]{64}/g, '<hash>'), (key, inner: unknown) =>
    key === 'Tags' || key === 'Metadata' ? undefined : inner,
  );
}

function different(path: string, before: unknown, after: unknown): string[] {
  if (before === undefined) return [`+ ${path}: ${text(after)}`];
  if (after === undefined) return [`- ${path}: ${text(isResource(before) ? before.Type : before)}`];
  if (isTree(before) && isTree(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => different(`${path} ${key}`, before[key], after[key]));
  }
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  return from === to ? [] : [`~ ${path}: ${changed(from, to)}`];
}

/** An object or a list. A call of one of CloudFormation's functions is a value: it is read best in one piece. */
function isTree(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const [key = '', ...more] = Object.keys(value);
  return more.length > 0 || !/^(?:Ref|Fn::\w+)$/.test(key);
}

function isResource(value: unknown): value is { Type: string } {
  return typeof value === 'object' && value !== null && 'Type' in value && 'Properties' in value;
}

function text(value: unknown): string {
  return cut(JSON.stringify(value) ?? '');
}

function cut(all: string): string {
  if (all.length <= MAX_TEXT) return all;
  return `${all.slice(0, MAX_TEXT)}… ${createHash('sha256').update(all).digest('hex').slice(0, 8)}`;
}

/** Two long values without what they have in common at their beginning and at their end. */
function changed(from: string, to: string): string {
  if (from.length + to.length <= MAX_TEXT) return `${from} → ${to}`;
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && from[start] === to[start]) start += 1;
  let end = 0;
  while (end < shorter - start && from.at(-1 - end) === to.at(-1 - end)) end += 1;
  const middle = (all: string) => `…${cut(all.slice(start, all.length - end))}…`;
  return `at character ${start}, ${middle(from)} → ${middle(to)}`;
}
