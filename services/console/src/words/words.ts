/** The words of the console in the language of the reader, as far as there is a file of it. */

import { en, type Words } from './en.ts';

const LANGUAGES: Readonly<Record<string, Words>> = { en };

function languageOf(wanted: readonly string[]): string {
  return wanted.map((tag) => tag.split('-', 1)[0] ?? '').find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? 'en';
}

export const LANGUAGE = languageOf(globalThis.navigator?.languages ?? []);

export const words: Words = LANGUAGES[LANGUAGE] ?? en;
