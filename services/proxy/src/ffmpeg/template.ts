/**
 * Profile templates: text such as `-i {input_url} -b:v {video_bitrate|2M}` becomes an argument list.
 * The text is split first and variables are filled in afterwards, so that no value can add an argument.
 */
import { StreampoolError } from '../errors.ts';

/** `{name}` or `{name|default}`; `%{...}` is drawtext's own and stays. */
const VARIABLE = /(?<!%)\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^{}]*))?\}/g;

const FILTER_OPTION = /^-(?:vf|af|lavfi|filter(?:_complex)?)(?::|$)/;

/**
 * The arguments of `template` with its variables filled in.
 *
 * @throws StreampoolError 422 when a quote is not closed, or a variable has neither value nor default.
 * @example
 * renderTemplate('-i {input_url} -b:v {rate|2M}', { input_url: 'http://a/b' }); // ['-i', 'http://a/b', '-b:v', '2M']
 */
export function renderTemplate(template: string, variables: Readonly<Record<string, string>>): string[] {
  return splitTemplate(template).map((argument) => fillIn(argument, variables));
}

/** Variables that `template` names, each with its default (undefined: none). */
export function templateVariables(template: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const match of template.matchAll(VARIABLE)) {
    const [, name = '', fallback] = match;
    found.set(name, found.get(name) ?? fallback);
  }
  return found;
}

/**
 * Splits at white space as a shell would, without expanding anything: quotes group, and are removed. Two exceptions keep FFmpeg's
 * own syntax intact: backslashes stay (`min(720\,ih)`), and so do single quotes inside a filter graph (`scale=-2:'min(720,ih)'`).
 * A `{variable|with a default}` is never split.
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

function fillIn(argument: string, variables: Readonly<Record<string, string>>): string {
  return argument.replace(VARIABLE, (_, name: string, fallback: string | undefined) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : fallback;
    if (value === undefined) {
      throw new StreampoolError(
        422,
        `The profile uses the variable {${name}}, which has no value: give it in profile_variables, or write {${name}|default}.`,
      );
    }
    return value;
  });
}
