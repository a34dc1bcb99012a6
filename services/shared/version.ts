/** The version of this build: scripts/build.mjs inserts it; run from source, it comes from package.json. */
import { readFileSync } from 'node:fs';

declare const __STREAMPOOL_VERSION__: string | undefined;

function versionFromPackage(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return known ? String(manifest.version) : 'unknown';
}

export const VERSION: string =
  typeof __STREAMPOOL_VERSION__ === 'string' ? __STREAMPOOL_VERSION__ : versionFromPackage();
