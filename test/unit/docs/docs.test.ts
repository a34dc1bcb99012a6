/** The pages lead where they say: links, anchors, paths of the repository, commands. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultsOf, type Repository } from './faults.ts';
import { readPage } from './markdown.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const NOT_OURS = new Set(['node_modules', 'dist', 'cdk.out', '.git', 'coverage']);

function pathsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? [path, ...pathsBelow(path)] : [path];
    });
}

function repository(): Repository {
  const paths = pathsBelow(ROOT).map((path) => relative(ROOT, path));
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return {
    pages: new Map(
      paths.filter((path) => path.endsWith('.md')).map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]),
    ),
    paths: new Set(paths),
    npmScripts: new Map(Object.entries(scripts).map(([name, command]) => [name, programText(command)])),
    programs: new Set(readdirSync(join(ROOT, 'node_modules', '.bin'))),
  };
}

/** What an npm script runs: the files that its command names, and the tool that such a file starts in turn. */
function programText(command: string): string {
  const files = [...command.matchAll(/\b(?:scripts|tools)\/[\w-]+\.(?:mjs|ts)\b/g)].map(([file]) => file);
  return [command, ...files.map((file) => programText(readFileSync(join(ROOT, file), 'utf8')))].join('\n');
}

const real = repository();

describe('the documentation', () => {
  it('leads nowhere that does not exist', () => {
    expect([...real.pages.keys()].flatMap((path) => faultsOf(path, real))).toEqual([]);
  });

  it('can be reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      for (const link of readPage(real.pages.get(path) ?? '').links) {
        const target = join(dirname(path), link.split('#')[0] ?? '');
        if (real.pages.has(target)) reached.add(target);
      }
    }
    const pages = [...real.pages.keys()].filter((path) => path.startsWith('docs/'));
    expect(pages.filter((path) => !reached.has(path))).toEqual([]);
  });

  it('begins with a README that is short, and starts the program', () => {
    const readme = real.pages.get('README.md') ?? '';
    expect(Buffer.byteLength(readme)).toBeLessThan(9000);
    expect(readPage(readme).runnable).toEqual(expect.arrayContaining(['npm start -- --demo', 'npm test']));
  });
});

describe('a page is faulty that', () => {
  const paths = [
    'a.md',
    'docs',
    'docs/b.md',
    'services',
    'services/proxy',
    'services/proxy/src/feed/ring.ts',
    'local/make-env',
  ];
  const faults = (text: string) =>
    faultsOf('a.md', {
      pages: new Map([
        ['a.md', text],
        ['docs/b.md', '# Of `two` pages\n\n```sh\n# no heading\n```\n'],
      ]),
      paths: new Set(paths),
      npmScripts: new Map([
        ['start', 'const HELP = `--demo`'],
        ['bench', ''],
      ]),
      programs: new Set(['cdk']),
    });

  it.each([
    ['links to a page that is gone', '[c](docs/c.md)', /docs\/c\.md, which does not exist/],
    ['links to a heading that is gone', '[b](docs/b.md#no-heading)', /no heading with that anchor/],
    ['links to a heading of its own that is gone', '# A\n\n[b](#b)', /a\.md has no heading/],
    ['names a folder that is gone', '`services/pool/`', /`services\/pool\/` does not exist/],
    ['names a file that is gone', '`feed/rings.ts`', /no file ends in `feed\/rings\.ts`/],
    ['gives a script an option that is gone', '`npm start -- --demo --loud`', /takes no --loud/],
    ['names a script that is gone', 'Run `npm run cost`.', /package\.json has no such script/],
    [
      'runs a script that is gone',
      '<!-- runnable -->\n```sh\nPORT=1 npm test\n```',
      /package\.json has no such script/,
    ],
    ['runs a file that is gone', '<!-- runnable -->\n```sh\nsh local/make   # it\n```', /local\/make does not exist/],
    ['runs what nobody installs', '<!-- runnable -->\n```sh\nnpm start && npx tofu plan\n```', /npm installs no tofu/],
    ['calls a placeholder runnable', '<!-- runnable -->\n```sh\ncurl <ApiUrl>\n```', /has a placeholder/],
  ])('%s', (_, text, fault) => {
    expect(faults(text)).toEqual([expect.stringMatching(fault)]);
  });

  it.each([
    ['links elsewhere', '[b](docs/b.md#of-two-pages) [c](https://example.com/c.md) `[d](e.md)`'],
    [
      'names what is there',
      '`services/proxy/`, `feed/ring.ts`, `docs/*.md`, `/live/101.ts`, `docs/{page}`, `application/json`',
    ],
    [
      'runs what is there',
      '<!-- runnable -->\n```sh\nsh local/make-env\nnpm run bench\nnode dist/main.js\nnpx cdk synth\n```',
    ],
    ['shows placeholders', '```sh\ncurl <ApiUrl>\nsh local/yours\n```'],
  ])('and none that %s', (_, text) => {
    expect(faults(text)).toEqual([]);
  });
});
