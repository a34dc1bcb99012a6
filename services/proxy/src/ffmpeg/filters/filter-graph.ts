/**
 * Reads callers' filter graphs with FFmpeg's grammar into filters, options and links. It checks them against the table
 * of filters and writes them anew, every option by name and with our own escaping.
 */
import { StreampoolError } from '../../errors.ts';
import { readStreamSpecifier } from '../values/stream-specifier.ts';
import { NOT_ALLOWED, readValue, shorten, typeOf } from '../values/value-types.ts';
import { FILTERS, type FilterType } from './filter-types.ts';

export interface FilterNode {
  readonly name: string;
  /** Canonical values by option name, in the order given. */
  readonly options: ReadonlyMap<string, string>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface FilterGraph {
  /** The value of `sws_flags=...;` at the beginning. */
  readonly scalerFlags: string | undefined;
  readonly chains: readonly (readonly FilterNode[])[];
}

/** `simple`: for -vf and -af, with one input and one output, which may be called `in` and `out`. */
export type GraphKind = 'simple' | 'complex';

const MAX_GRAPH_CHARS = 16_384;
const MAX_FILTERS = 100;
const WHITE = ' \n\t\r';
const LABEL = /^[A-Za-z_]\w{0,63}$/;
const SCALER_FLAGS = typeOf('scaler-flags');

/** @throws StreampoolError 422 naming the filter or option that is not allowed, and what is allowed. */
export function readFilterGraph(graph: string, kind: GraphKind): FilterGraph {
  if (graph.length > MAX_GRAPH_CHARS) {
    throw new StreampoolError(422, `The filter graph has ${graph.length} characters; ${MAX_GRAPH_CHARS} are allowed.`);
  }
  const reader = new GraphReader(graph);
  const scalerFlags = reader.scalerFlags();
  const chains: FilterNode[][] = [[]];
  let count = 0;
  for (;;) {
    const node = readFilter(reader, kind);
    chains.at(-1)?.push(node);
    count += 1;
    if (count > MAX_FILTERS) {
      throw new StreampoolError(422, `The filter graph has more than ${MAX_FILTERS} filters; remove some.`);
    }
    if (reader.atEnd) break;
    if (reader.take(';')) chains.push([]);
    else if (!reader.take(',')) throw reader.unreadable();
  }
  return kind === 'simple' ? withoutOuterLabels({ scalerFlags, chains }, graph) : { scalerFlags, chains };
}

/** The graph in the form that FFmpeg takes. */
export function writeFilterGraph({ scalerFlags, chains }: FilterGraph): string {
  const text = chains.map((chain) => chain.map(writeFilter).join(',')).join(';');
  return scalerFlags === undefined ? text : `sws_flags=${scalerFlags};${text}`;
}

/** Every filter of the graph, in order. */
export function filtersOf({ chains }: FilterGraph): readonly FilterNode[] {
  return chains.flat();
}

function readFilter(reader: GraphReader, kind: GraphKind): FilterNode {
  const inputs = reader.labels().map((label) => checkLabel(label, kind));
  const name = reader.token('=,;[');
  const options = reader.take('=') ? reader.token('[],;') : '';
  const outputs = reader.labels().map((label) => checkLabel(label, 'simple'));
  // The name of an instance serves only commands, and there are none.
  const type = name.replace(/@\w{1,64}$/, '');
  const filter = FILTERS.get(type);
  if (filter === undefined) {
    throw new StreampoolError(422, `The filter '${shorten(type)}' is not allowed in a profile; remove it.`);
  }
  return { name: type, options: readFilterOptions(type, filter, options), inputs, outputs };
}

function checkLabel(label: string, kind: GraphKind): string {
  if (LABEL.test(label)) return label;
  if (kind === 'complex' && label.startsWith('0:') && readStreamSpecifier(label.slice(2))) return label;
  throw new StreampoolError(
    422,
    `The filter graph's label [${shorten(label)}] cannot be used: write letters and digits, or streams of the input such as [0:v].`,
  );
}

function readFilterOptions(type: string, filter: FilterType, text: string): Map<string, string> {
  const found = new Map<string, string>();
  const reader = new GraphReader(text);
  let place = 0;
  while (!reader.atEnd) {
    const named = reader.key();
    // FFmpeg takes no unnamed options after a named one.
    const key = named ?? (place >= 0 ? filter.unnamed[place] : undefined);
    const value = reader.token(':');
    place = named === undefined && place >= 0 ? place + 1 : -1;
    const valueType = key === undefined ? undefined : filter.options.get(key);
    if (key === undefined || valueType === undefined || valueType === NOT_ALLOWED || found.has(key)) {
      const allowed = [...filter.options].filter(([, option]) => option !== NOT_ALLOWED);
      const what =
        key === undefined ? `unnamed option '${shorten(value)}' of ${type}` : `option '${type}=${shorten(key)}'`;
      const fault = key !== undefined && found.has(key) ? 'may be given once' : 'is not allowed';
      const names = allowed.map(([name]) => name).join(', ') || 'no options';
      throw new StreampoolError(422, `The filter ${what} ${fault}; ${type} takes ${names}.`);
    }
    found.set(key, readValue(valueType, value, `filter option ${type}=${key}`));
    if (!reader.atEnd && !reader.take(':')) throw reader.unreadable();
  }
  return found;
}

/**
 * A simple graph without labels for its own input and output, so that filters can be added after it.
 *
 * @throws StreampoolError 422 when it has other unconnected labels, or does not end with its output.
 */
function withoutOuterLabels(graph: FilterGraph, text: string): FilterGraph {
  const nodes = filtersOf(graph);
  const inputs = nodes.flatMap((node) => node.inputs);
  const outputs = nodes.flatMap((node) => node.outputs);
  const open = [
    ...inputs.filter((label) => label !== 'in' && !outputs.includes(label)),
    ...outputs.filter((label) => label !== 'out' && !inputs.includes(label)),
  ];
  const twice = [inputs, outputs].some((labels) => new Set(labels).size < labels.length);
  if (open.length > 0 || twice) {
    throw new StreampoolError(
      422,
      `The filter graph '${shorten(text)}' has labels that lead nowhere (${[...new Set(open)].join(', ') || 'one is used twice'}); use -filter_complex for more than one input or output.`,
    );
  }
  const inner = (labels: readonly string[], outer: string, others: readonly string[]): string[] =>
    labels.filter((label) => label !== outer || others.includes(label));
  const chains = graph.chains.map((chain) =>
    chain.map((node) => ({
      ...node,
      inputs: inner(node.inputs, 'in', outputs),
      outputs: inner(node.outputs, 'out', inputs),
    })),
  );
  const last = chains.at(-1)?.at(-1);
  const isOutputElsewhere = nodes.slice(0, -1).some((node) => node.outputs.includes('out')) && !inputs.includes('out');
  if ((last?.outputs.length ?? 0) > 0 || isOutputElsewhere) {
    throw new StreampoolError(
      422,
      `The filter graph '${shorten(text)}' must end with the filter that makes its output.`,
    );
  }
  return { ...graph, chains };
}

function writeFilter({ name, options, inputs, outputs }: FilterNode): string {
  const list = [...options].map(([key, value]) => `${key}=${withEscapes(value, "\\':")}`).join(':');
  const labels = (names: readonly string[]): string => names.map((label) => `[${label}]`).join('');
  return `${labels(inputs)}${name}${list === '' ? '' : `=${withEscapes(list, "\\'[],;")}`}${labels(outputs)}`;
}

/** Puts a backslash before each of `special`, and before white space at the ends, which FFmpeg would remove. */
function withEscapes(text: string, special: string): string {
  let escaped = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const atAnEnd = at === 0 || at === text.length - 1;
    escaped += special.includes(char) || (WHITE.includes(char) && atAnEnd) ? `\\${char}` : char;
  }
  return escaped;
}

/** Reads a text like FFmpeg's graph parser. */
class GraphReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  take(char: string): boolean {
    if (this.#text.charAt(this.#at) !== char) return false;
    this.#at += 1;
    return true;
  }

  /** `sws_flags=...;` at the beginning. */
  scalerFlags(): string | undefined {
    this.#skipWhite();
    if (!this.#text.startsWith('sws_flags=', this.#at)) return undefined;
    const end = this.#text.indexOf(';', this.#at);
    if (end < 0) throw this.unreadable();
    const flags = this.#text.slice(this.#at + 'sws_flags='.length, end);
    this.#at = end + 1;
    return readValue(SCALER_FLAGS, flags, 'sws_flags');
  }

  /** `[a][b]`, and the white space around them. */
  labels(): string[] {
    const labels: string[] = [];
    this.#skipWhite();
    while (this.take('[')) {
      labels.push(this.token(']'));
      if (!this.take(']')) throw this.unreadable();
      this.#skipWhite();
    }
    return labels;
  }

  /** `key=` if there is one, without the sign. */
  key(): string | undefined {
    const shape = /[ \n\t\r]*([A-Za-z0-9\-_/.]+)[ \n\t\r]*=/y;
    shape.lastIndex = this.#at;
    const match = shape.exec(this.#text);
    if (match === null) return undefined;
    this.#at = shape.lastIndex;
    return match[1];
  }

  /**
   * FFmpeg's av_get_token: reads up to an unquoted terminator. `\x` is x, `'...'` is literal, and unquoted white space
   * at the ends is removed.
   */
  token(terminators: string): string {
    this.#skipWhite();
    let taken = '';
    let kept = 0;
    while (!this.atEnd && !terminators.includes(this.#text.charAt(this.#at))) {
      const char = this.#text.charAt(this.#at);
      this.#at += 1;
      if (char === '\\' && !this.atEnd) {
        taken += this.#text.charAt(this.#at);
        this.#at += 1;
        kept = taken.length;
      } else if (char === "'") {
        const end = this.#text.indexOf("'", this.#at);
        if (end < 0) throw this.unreadable();
        taken += this.#text.slice(this.#at, end);
        this.#at = end + 1;
        kept = taken.length;
      } else {
        taken += char;
      }
    }
    let length = taken.length;
    while (length > kept && WHITE.includes(taken.charAt(length - 1))) length -= 1;
    return taken.slice(0, length);
  }

  unreadable(): StreampoolError {
    const rest = shorten(this.#text.slice(this.#at));
    return new StreampoolError(422, `The filter graph '${shorten(this.#text)}' cannot be read at '${rest}'.`);
  }

  #skipWhite(): void {
    while (!this.atEnd && WHITE.includes(this.#text.charAt(this.#at))) this.#at += 1;
  }
}
