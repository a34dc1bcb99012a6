/**
 * Profile templates: text such as `-i {input_url} -b:v {video_bitrate|2M}` becomes an argument list. The text is split
 * first and the variables are filled in afterwards, so that no value can add an argument.
 */
import { StreampoolError } from '../../errors.ts';

/** `{name}` or `{name|default}`. `%{...}` belongs to drawtext and stays. */
const VARIABLE = /(?<!%)\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^{}]*))?\}/g;

/**
 * Maximum number of characters of all arguments together. Linux allows 128 KiB in one argument. A variable that a
 * template uses many times could multiply to gigabytes, so it is counted before it is filled in.
 */
const MAX_RENDERED_CHARS = 65_536;

const FILTER_OPTION = /^-(?:vf|af|lavfi|filter(?:_complex)?)(?::|$)/;

/**
 * The arguments of `template` with its variables filled in.
 *
 * @throws StreampoolError 422 when a quote is not closed, a variable has neither value nor default, or it all gets too long.
 * @example
 * renderTemplate('-i {input_url} -b:v {rate|2M}', { input_url: 'http://a/b' }); // ['-i', 'http://a/b', '-b:v', '2M']
 */
export function renderTemplate(template: string, variables: Readonly<Record<string, string>>): string[] {
  if (template.length > MAX_RENDERED_CHARS) throw tooLong();
  const room = { chars: MAX_RENDERED_CHARS };
  return splitTemplate(template).map((argument) => fillIn(argument, variables, room));
}

/** The variables in `template`, each with its default (undefined: none). */
export function templateVariables(template: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const match of template.matchAll(VARIABLE)) {
    const [, name = '', fallback] = match;
    found.set(name, found.get(name) ?? fallback);
  }
  return found;
}

/**
 * Splits at white space like a shell, without expanding anything: quotes group and are removed. Two exceptions keep
 * FFmpeg's own syntax intact. Backslashes stay (`min(720\,ih)`), and so do single quotes inside a filter graph
 * (`scale=-2:'min(720,ih)'`). A `{variable|with a default}` is never split.
 *
 * @throws StreampoolError 422 when a quote is not closed.
 */
export function splitTemplate(template: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  let quoteStays = false;
  for (let at = 0; at < template.length; at += 1) {
    const char = template.charAt(at);
    const variable = char === '{' ? variableAt(template, at) : undefined;
    if (variable !== undefined) {
      word = (word ?? '') + variable;
      at += variable.length - 1;
    } else if (quote !== '' && char === quote) {
      if (quoteStays) word = (word ?? '') + char;
      quote = '';
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      quoteStays = char === "'" && Boolean(word) && FILTER_OPTION.test(words.at(-1) ?? '');
      word = (word ?? '') + (quoteStays ? char : '');
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') {
    throw new StreampoolError(422, `The profile has an unclosed ${quote} quote; close it or remove it.`);
  }
  if (word !== undefined) words.push(word);
  return words;
}

function variableAt(template: string, at: number): string | undefined {
  const pattern = new RegExp(VARIABLE.source, 'y');
  pattern.lastIndex = at;
  return pattern.exec(template)?.[0];
}

function fillIn(argument: string, variables: Readonly<Record<string, string>>, room: { chars: number }): string {
  const parts: string[] = [];
  const add = (part: string): void => {
    room.chars -= part.length;
    if (room.chars < 0) throw tooLong();
    parts.push(part);
  };
  let at = 0;
  for (const match of argument.matchAll(VARIABLE)) {
    const [whole, name = '', fallback] = match;
    add(argument.slice(at, match.index));
    const value = Object.hasOwn(variables, name) ? variables[name] : fallback;
    if (value === undefined) {
      throw new StreampoolError(
        422,
        `The profile uses the variable {${name}}, which has no value: give it in profile_variables, or write {${name}|default}.`,
      );
    }
    add(value);
    at = match.index + whole.length;
  }
  add(argument.slice(at));
  return parts.join('');
}

function tooLong(): StreampoolError {
  return new StreampoolError(
    422,
    `The profile is longer than ${MAX_RENDERED_CHARS} characters with its variables filled in; shorten it.`,
  );
}
