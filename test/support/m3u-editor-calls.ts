/** Which calls m3u-editor has made, and what was answered: docs/moving-from-m3u-proxy.md has the same as a table. */

const STREAM = /^[0-9a-f]{32}$/;
const SEGMENT = /^live\d+\.ts$/;

/** Answers by call, such as `GET /broadcast/{network_id}/status`. */
export type Calls = ReadonlyMap<string, ReadonlySet<number>>;

export class CallLog {
  readonly #calls = new Map<string, Set<number>>();

  note(method: string, path: string, status: number): void {
    const call = `${method} ${routeOf(path)}`;
    const statuses = this.#calls.get(call) ?? new Set();
    this.#calls.set(call, statuses.add(status));
  }

  get calls(): Calls {
    return new Map([...this.#calls].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}

/** The path with the names of what differs. */
function routeOf(path: string): string {
  const [, first, ...parts] = path.split('/');
  const named = parts.map((part, at) => {
    if (SEGMENT.test(part)) return '{file}';
    if (first === 'broadcast' && at === 0) return '{network_id}';
    if (parts[at - 1] === 'clients') return '{client_id}';
    return STREAM.test(part) ? '{stream_id}' : part;
  });
  return ['', first, ...named].join('/');
}

/** The table as the docs have it: a row for each call, with all answers that it may get. */
export function documentedCalls(page: string): Calls {
  const rows = page.matchAll(/^\| `((?:GET|POST|DELETE) [^`]+)` \| [^|]+ \| ([\d, ]+) \|$/gm);
  return new Map([...rows].map(([, call = '', answers = '']) => [call, new Set(answers.split(', ').map(Number))]));
}

/** As lines, for whoever reads the output of a test. */
export function callTable(where: string, calls: Calls): string {
  const rows = [...calls].map(([call, statuses]) => `  ${call.padEnd(52)} ${[...statuses].sort().join(', ')}`);
  return `m3u-editor on ${where}\n${rows.join('\n')}`;
}
