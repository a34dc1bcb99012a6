/** The built files of the console, in memory: they are few, and each one is there compressed, too. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a browser may ask for beside the plain file. */
export const ENCODINGS = ['br', 'gzip'] as const;

export type Encoding = (typeof ENCODINGS)[number];

export interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly encoded: Readonly<Partial<Record<Encoding, Buffer>>>;
}

/** By name, such as `index.html`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

export const INDEX = 'index.html';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};
const ENDINGS: Readonly<Record<Encoding, string>> = { br: '.br', gzip: '.gz' };

/** The bundle has the folder beside it; run from source, it is where the build puts it. */
export function consoleFolder(): string {
  const beside = fileURLToPath(new URL('./console', import.meta.url));
  return existsSync(join(beside, INDEX)) ? beside : join(import.meta.dirname, '../../../../../dist/proxy/console');
}

/** Undefined: the console has not been built. */
export function readConsole(folder: string): ConsoleFiles | undefined {
  if (!existsSync(join(folder, INDEX))) return undefined;
  const files = new Map<string, ConsoleFile>();
  for (const name of readdirSync(folder)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const plain = readFileSync(join(folder, name));
    const encoded = Object.fromEntries(
      ENCODINGS.flatMap((encoding) => {
        const file = join(folder, name + ENDINGS[encoding]);
        return existsSync(file) ? [[encoding, readFileSync(file)] as const] : [];
      }),
    );
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
    files.set(name, { type, etag, plain, encoded });
  }
  return files;
}
