// The licences of the packages that a bundle contains, in a file beside it: they want to be with every copy.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export const NOTICES = 'THIRD-PARTY-NOTICES.txt';

const HEAD = `Streampool itself is licensed under the Apache License, Version 2.0. What is in this folder also contains
these packages, each under its own licence.`;
const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/** Up to the name of the innermost package, since a package may contain others. */
const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENCE = /^(licen[cs]e|copying|notice)/i;

/** Packages that others contain without their licence. */
const CONTAINED = {
  '@fastify/swagger-ui': 'It contains Swagger UI (Apache-2.0), https://github.com/swagger-api/swagger-ui',
};

/**
 * Writes the licences of all packages of which something is in a bundle.
 *
 * @param {string} folder of the bundle, from the root of the project or absolute
 * @param {import('esbuild').Metafile} metafile what esbuild says of the bundle
 */
export function writeNotices(folder, { outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0),
  );
  const notices = new Map();
  for (const file of files) {
    const [home] = PACKAGE.exec(file) ?? [];
    if (home === undefined) continue;
    const notice = notices.get(home) ?? noticeOf(join(ROOT, home));
    notices.set(home, notice + licenceBeside(join(ROOT, file)));
  }
  const target = join(folder.startsWith('/') ? '' : ROOT, folder, NOTICES);
  writeFileSync(target, `${[HEAD, ...[...notices.values()].sort()].join(RULE)}\n`);
}

/** Name, version and licence of a package, and the texts that it has about that. */
function noticeOf(home) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const texts = readdirSync(home)
    .filter((file) => LICENCE.test(file))
    .map((file) => readFileSync(join(home, file), 'utf8').trim());
  const by = author === undefined ? '' : `\nBy ${author.name ?? author}`;
  const said = texts.length > 0 ? texts : [`The package has no file about its licence.${by}`];
  return [`${name} ${version} (${license})`, ...said, ...(CONTAINED[name] ? [CONTAINED[name]] : [])].join('\n\n');
}

/** What a file that is a bundle itself says of its packages: webpack writes it beside the file. */
function licenceBeside(file) {
  const beside = `${file}.LICENSE.txt`;
  return existsSync(beside) ? `\n\nIt contains:\n\n${readFileSync(beside, 'utf8').trim()}` : '';
}
