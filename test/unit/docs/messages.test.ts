/** The messages that docs/troubleshooting.md and docs/moving-from-m3u-proxy.md quote are those that the programs write. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SAYS_THEM = ['services', 'scripts', 'infra'];
const COLUMN = /^(?:message|log line|answer)$/;
/** A shorter piece between two `…` would be found anywhere. */
const MIN_PIECE = 4;

/** The code that can say something, with strings that are split over lines put together. */
function programs(): string {
  return SAYS_THEM.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:ts|mjs|sh)$/.test(path))
      .map((path) => readFileSync(join(ROOT, folder, path), 'utf8')),
  )
    .join('\n')
    .replace(/['"`] \+\s*['"`]/g, '');
}

/** What stands in backticks below a heading of a table that says "message", "log line" or "answer". */
function quotedMessages(page: string): string[] {
  let column = -1;
  return page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 3) {
      column = -1;
      return [];
    }
    if (column === -1) {
      column = cells.findIndex((cell) => COLUMN.test(cell));
      return [];
    }
    return [...(cells[column] ?? '').matchAll(/`([^`]*)`/g)]
      .map(([, message]) => message ?? '')
      .filter((message) => message.includes(' ') && !/^(?:GET|POST) /.test(message));
  });
}

/** Pieces of a message that the code does not hold, between its variable parts. */
function strangers(message: string, code: string): string[] {
  return message
    .split('…')
    .map((piece) => piece.trim())
    .filter((piece) => piece.length >= MIN_PIECE && !code.includes(piece));
}

describe('the messages of', () => {
  const code = programs();

  it.each(['troubleshooting.md', 'moving-from-m3u-proxy.md'])('docs/%s stand in the code', (page) => {
    const messages = quotedMessages(readFileSync(join(ROOT, 'docs', page), 'utf8'));
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((message) => strangers(message, code).length > 0)).toEqual([]);
  });

  it('a page are found in the column that has them, whole or in pieces', () => {
    const table = '| status | message |\n|---|---|\n| `not here` | `Stream … is gone` or `too long …` |\n\n| `a b` |\n';
    expect(quotedMessages(table)).toEqual(['Stream … is gone', 'too long …']);
    expect(strangers('Stream … is gone', "say('Stream ' + id + ' is gone')")).toEqual([]);
    expect(strangers('Stream … is gone', '`Stream $id has gone`')).toEqual(['is gone']);
  });
});
