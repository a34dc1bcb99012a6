/** What the form of a new stream asks the API for, and the command that does the same. Pure. */

/** The fields as somebody has typed them. */
export interface Form {
  readonly url: string;
  readonly name: string;
  /** Empty: the media is passed on as it comes. */
  readonly profile: string;
  /** Values of the profile's variables; empty ones keep their default. */
  readonly variables: Readonly<Record<string, string>>;
  /** One address a line. */
  readonly backups: string;
  readonly userAgent: string;
  /** `Name: value` a line. */
  readonly headers: string;
}

export const EMPTY: Form = { url: '', name: '', profile: '', variables: {}, backups: '', userAgent: '', headers: '' };

export interface Order {
  readonly path: '/streams' | '/transcode';
  readonly body: Readonly<Record<string, unknown>>;
}

/** Lines of headers that are none. */
export function badHeaders({ headers }: Form): string[] {
  return linesOf(headers).filter((line) => headerOf(line) === undefined);
}

export function orderOf(form: Form): Order {
  const { url, name, profile, variables, backups, userAgent } = form;
  const given = Object.entries(variables).filter(([, value]) => value.trim() !== '');
  const urls = linesOf(backups);
  const headers = headersOf(form);
  return {
    path: profile === '' ? '/streams' : '/transcode',
    body: {
      url: url.trim(),
      ...(profile !== '' && { profile }),
      ...(profile !== '' && given.length > 0 && { profile_variables: Object.fromEntries(given) }),
      ...(urls.length > 0 && { failover_urls: urls }),
      ...(userAgent.trim() !== '' && { user_agent: userAgent.trim() }),
      ...(headers !== undefined && { headers }),
      ...(name.trim() !== '' && { metadata: { name: name.trim() } }),
    },
  };
}

/** What `POST /console/source` is asked. */
export function lookOf(form: Form): Readonly<Record<string, unknown>> {
  const { url, user_agent, headers } = orderOf(form).body;
  return { url, user_agent, headers };
}

/**
 * The same for a shell. The token itself stands in no page.
 *
 * @param origin of the API
 * @param hasToken the API wants one
 */
export function commandOf({ path, body }: Order, origin: string, hasToken: boolean): string {
  const token = hasToken ? ' -H "X-API-Token: $API_TOKEN"' : '';
  return `curl ${quoted(origin + path)}${token} -H "Content-Type: application/json" \\\n  -d ${quoted(JSON.stringify(body))}`;
}

/** For a POSIX shell, unless it is as plain as can be. */
function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function headerOf(line: string): [string, string] | undefined {
  const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.+)$/.exec(line) ?? [];
  return name === '' ? undefined : [name, value];
}

function headersOf({ headers }: Form): Record<string, string> | undefined {
  const all = linesOf(headers).flatMap((line) => {
    const header = headerOf(line);
    return header === undefined ? [] : [header];
  });
  return all.length === 0 ? undefined : Object.fromEntries(all);
}
