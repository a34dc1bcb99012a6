/** The folders of the services keep to their table: one subject each, few files, and imports that run one way. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FOLDERS, type Folder, MAX_FILES, PROXY } from './folders.ts';
import { arrows, folderOf, names, wrongImports } from './wrong-imports.ts';

/** Reading the imports of every file takes 5 s of a core. */
const READING_MS = 60_000;
const ROOT = join(import.meta.dirname, '..', '..', '..');

const sources = readdirSync(join(ROOT, 'services'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => `services/${path}`);

describe('the folders of the services', { timeout: READING_MS }, () => {
  it('each have a row', () => {
    expect(sources.filter((file) => folderOf(file, FOLDERS) === undefined)).toEqual([]);
    expect(FOLDERS.filter((folder) => !sources.some((file) => folderOf(file, FOLDERS) === folder))).toEqual([]);
  });

  it(`hold ${MAX_FILES} files at the most`, () => {
    const counts = FOLDERS.filter(({ name }) => !name.endsWith('/**')).map((folder) => ({
      name: folder.name,
      files: sources.filter((file) => folderOf(file, FOLDERS) === folder).length,
    }));
    expect(counts.filter(({ files }) => files > MAX_FILES)).toEqual([]);
  });

  it('use only what stands above them in the table', () => {
    const wrong = FOLDERS.flatMap(({ name, uses }, at) =>
      uses
        .filter((entry) => {
          const used = FOLDERS.filter((folder) => names(entry, folder));
          return used.length === 0 || used.some((folder) => FOLDERS.indexOf(folder) >= at);
        })
        .map((entry) => `${name} uses ${entry}`),
    );
    expect(wrong).toEqual([]);
  });

  it('import nothing that their row does not allow, and nothing in a circle', async () => {
    expect(await wrongImports(FOLDERS, ROOT)).toEqual([]);
  });

  it('import nothing else from files with JSX', () => {
    const wrong = sources
      .filter((file) => file.endsWith('.tsx'))
      .flatMap((file) =>
        [...readFileSync(join(ROOT, file), 'utf8').matchAll(/ from '(\.[^']+)';$/gm)]
          .map(([, path = '']) => relative(ROOT, join(ROOT, dirname(file), path)))
          .filter((path) => {
            const [from, to] = [folderOf(file, FOLDERS), folderOf(path, FOLDERS)];
            return to === undefined || (from !== to && from?.uses.some((entry) => names(entry, to)) !== true);
          })
          .map((path) => `${file} imports ${path}`),
      );
    expect(wrong).toEqual([]);
  });

  it('use all that their row allows', async () => {
    const there = await arrows(FOLDERS, ROOT);
    const unused = FOLDERS.flatMap(({ name, uses }) =>
      uses
        .filter((entry) => !FOLDERS.some((folder) => names(entry, folder) && there.has(`${name} -> ${folder.name}`)))
        .map((entry) => `${name} does not use ${entry}`),
    );
    expect(unused).toEqual([]);
  });
});

describe('a wrong import', () => {
  const table: Folder[] = [
    { name: 'feed', subject: 'media', uses: [] },
    { name: 'relay', subject: 'the relay protocol', uses: ['feed'] },
    { name: 'api', subject: 'routes', uses: ['relay'] },
  ];
  const right = {
    'feed/ring.ts': 'export const ring = 1;',
    'relay/frames.ts': "import { ring } from '../feed/ring.ts';\nexport const frames = ring;",
    'api/server.ts': "import { frames } from '../relay/frames.ts';\nexport const server = frames;",
  };

  it.each<[string, Partial<Record<keyof typeof right, string>>, RegExp[]]>([
    ['is not seen where there is none', {}, []],
    [
      'turned round is named with both subjects, also where it imports types only',
      {
        'feed/ring.ts': "import type { frames } from '../relay/frames.ts';\nexport type Ring = typeof frames;",
        'relay/frames.ts': 'export const frames = 1;',
      },
      [
        /^services\/proxy\/src\/feed\/ring\.ts imports services\/proxy\/src\/relay\/frames\.ts\. feed is media; relay is the relay protocol\. relay stands on feed, not the other way round: declare in feed/,
      ],
    ],
    [
      'that leaves out a layer says where to allow it',
      { 'api/server.ts': "export { ring } from '../feed/ring.ts';" },
      [
        /api is routes; feed is media\. api may use relay\. Move the code; or, .* add feed to its row in test\/unit\/house\/folders\.ts/,
      ],
    ],
    [
      'to a folder without a row says so',
      { 'api/server.ts': "export { join } from '../pool/pool.ts';" },
      [/pool\/pool\.ts\. test\/unit\/house\/folders\.ts has no row for one of them/],
    ],
  ])('%s', async (_, changed, expected) => {
    const found = await wrongImports(table, tree({ ...right, 'pool/pool.ts': 'export const join = 1;', ...changed }));
    expect(found).toEqual(expected.map((each) => expect.stringMatching(each)));
  });

  it('in a circle names the circle, also inside one folder', async () => {
    const found = await wrongImports(
      table,
      tree({
        'feed/ring.ts': "export { cursor as ring } from './cursor.ts';",
        'feed/cursor.ts': "import type { ring } from './ring.ts';\nexport const cursor = (it: typeof ring) => it;",
      }),
    );
    expect(found.join()).toMatch(/imports itself, over .*feed\/(cursor|ring)\.ts/);
  });
});

/** A project with these files below services/proxy/src. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'streampool-house-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, PROXY, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return root;
}
