/** Finds a program like a shell does. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of a program on PATH. */
export function findOnPath(program: string, path: string = process.env.PATH ?? ''): string | undefined {
  for (const folder of path.split(delimiter).filter((each) => each !== '')) {
    const candidate = join(folder, program);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return undefined;
}
