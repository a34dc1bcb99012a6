/** .editorconfig tells editors what biome.json demands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

const { formatter, javascript } = z
  .object({
    formatter: z.object({ indentStyle: z.string(), indentWidth: z.number(), lineWidth: z.number() }),
    javascript: z.object({ formatter: z.object({ quoteStyle: z.string() }) }),
  })
  .parse(JSON.parse(read('biome.json')));

/** The values of one section. */
function section(name: string): Record<string, string> {
  const [, lines = ''] = read('.editorconfig').split(`\n[${name}]\n`);
  const own = lines.split('\n[')[0] ?? '';
  return Object.fromEntries([...own.matchAll(/^(\w+) = (.+)$/gm)].map(([, key, value]) => [key, value]));
}

it('indents as Biome does', () => {
  const all = section('*');
  expect([all.indent_style, all.indent_size]).toEqual([formatter.indentStyle, String(formatter.indentWidth)]);
});

it('breaks and quotes code as Biome does', () => {
  const code = section('*.{ts,mts,mjs,cjs,js,json}');
  expect([code.max_line_length, code.quote_type]).toEqual([
    String(formatter.lineWidth),
    javascript.formatter.quoteStyle,
  ]);
});
