/** Beside each program lie the licences of all packages that it contains, and ours. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

/** scripts/ has no types: node runs it as it is. */
const { bundle, bundles } = (await import(new URL('../../../scripts/bundle.mjs', import.meta.url).href)) as {
  bundle(one: Bundle, options: { form: object }): Promise<void>;
  bundles(): Bundle[];
};

interface Bundle {
  readonly entry: string;
  readonly outfile: string;
  readonly folders: Record<string, string>;
}

/** esbuild says in a comment which file comes next. */
const BUNDLED = /^\s*\/\/ \S*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm;
const NAMED = /^-{80}\n\n(\S+) \S+ \(\S+\)\n\n(?=\S)/gm;

it.each(bundles().map((one) => [one.entry, one] as const))('%s', async (_, { entry, folders }) => {
  const folder = mkdtempSync(join(tmpdir(), 'streampool-notices-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await bundle({ entry, outfile: join(folder, 'main.js'), folders: {} }, { form: {} });
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const unique = (names: (string | undefined)[]) => [...new Set(names)].sort();
  const bundled = unique([...read('main.js').matchAll(BUNDLED)].map(([, name]) => name));
  const notices = read('THIRD-PARTY-NOTICES.txt');
  expect(unique([...notices.matchAll(NAMED)].map(([, name]) => name))).toEqual(bundled);
  expect(read('LICENSE')).toContain('Apache License');
  // What is copied beside a program is of a package, too, and the worker alone has such.
  const copied = Object.keys(folders).flatMap((from) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(from)?.[1] ?? []);
  expect(bundled).toEqual(expect.arrayContaining(copied));
  expect(notices.includes('Swagger UI (Apache-2.0)')).toBe(copied.length > 0);
});
