/**
 * Cookies files of page resolvers: below COOKIES_DIR, in Netscape's format. A path is resolved first and checked then, so that no link
 * leads out.
 */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { StreampoolError } from '../errors.ts';

/** A browser's cookies of many sites take less. */
const LARGEST_BYTES = 1024 ** 2;

/** Which sites get it, whether their subdomains do, path, whether only over TLS, until when, name, value. */
const FIELDS = 7;

/**
 * The text of a cookies file.
 *
 * @param folder COOKIES_DIR
 * @param path of the file: absolute, or below that folder
 * @throws {StreampoolError} 400 that says why it is refused. Of what lies outside it says only that it lies there.
 */
export async function readCookiesFile(folder: string | undefined, path: string): Promise<string> {
  if (folder === undefined) throw refused('cookies files are not allowed here until COOKIES_DIR names their folder');
  if (path === '' || path.includes('\0')) throw refused('the path is empty or has a zero byte');
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined) throw refused('the folder that COOKIES_DIR names does not exist');
  const asked = isAbsolute(path) ? path : join(root, path);
  // Before anything is resolved: whether other files exist is nobody's business.
  if (!isBelow(root, asked) && !isBelow(folder, asked)) throw outside();
  const real = await realpath(asked).catch(() => undefined);
  if (real === undefined) throw refused('there is no such file');
  if (!isBelow(root, real)) throw outside();
  // What was resolved is opened, and no link in its place.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) throw refused('the file cannot be read');
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refused('it is not a file');
    if (stats.size > LARGEST_BYTES) throw refused(`it is larger than ${LARGEST_BYTES} bytes`);
    return checkedCookies(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

/** @throws {StreampoolError} 400 when a text is not in Netscape's format; it names the line and shows nothing of it */
export function checkedCookies(text: string): string {
  if (Buffer.byteLength(text) > LARGEST_BYTES) throw refused(`they are larger than ${LARGEST_BYTES} bytes`);
  const lines = text.split(/\r?\n/);
  let cookies = 0;
  for (const [index, line] of lines.entries()) {
    // A comment that hides a cookie from old programs.
    const content = line.replace(/^#HttpOnly_/, '');
    if (content.trim() === '' || content.startsWith('#')) continue;
    const fields = content.split('\t');
    const isFine =
      fields.length === FIELDS &&
      /^(?:TRUE|FALSE)$/i.test(fields[1] ?? '') &&
      /^(?:TRUE|FALSE)$/i.test(fields[3] ?? '') &&
      /^-?\d*(?:\.\d+)?$/.test(fields[4] ?? '') &&
      !content.includes('\0');
    if (!isFine) throw refused(`line ${index + 1} is not in Netscape's format, which has ${FIELDS} fields with tabs`);
    cookies += 1;
  }
  if (cookies === 0) throw refused('they hold no cookie');
  return text;
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(): StreampoolError {
  return refused('it lies outside the folder that COOKIES_DIR names');
}

function refused(why: string): StreampoolError {
  return new StreampoolError(400, `The cookies are refused: ${why}.`);
}
