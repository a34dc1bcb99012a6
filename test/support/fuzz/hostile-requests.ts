/** Requests to every route of an API, mostly valid and partly wrong. The routes come from the API's own document. */

import { pick } from '../seed.ts';
import { malform, oddHeaders } from './hostile-http.ts';
import {
  below,
  hostileUrl,
  inHead,
  nastyPart,
  nastyText,
  nastyValue,
  type Random,
  wellFormed,
} from './hostile-values.ts';

export interface HostileRequest {
  /** Method and path as in the API's document. */
  readonly route: string;
  readonly method: string;
  readonly bytes: Buffer;
  /** It is not valid HTTP: the worker may answer by closing the connection. */
  readonly malformed: boolean;
  /** It announces more bytes than it sends. */
  readonly halfClose: boolean;
}

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

export interface Route {
  readonly method: string;
  readonly path: string;
  readonly queries: readonly string[];
  readonly body: Schema | undefined;
}

/** Existing things that a request may name. */
export interface Known {
  readonly ids: readonly string[];
  /** Origins that end in a slash, all on this machine. */
  readonly origins: readonly string[];
  readonly token: string;
}

/** The routes of an OpenAPI document. */
export function routesOf(paths: object): Route[] {
  return Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      queries: parameters.filter((each) => each.in === 'query').map(({ name }) => name),
      body: requestBody?.content['application/json']?.schema,
    })),
  );
}

/** A valid value for a field with that name and schema. */
function rightValue(random: Random, name: string, schema: Schema, known: Known): unknown {
  if (/url/.test(name) && schema.type === 'string') return hostileUrl(random, known.origins);
  if (schema.enum !== undefined) return pick(random, schema.enum);
  switch (schema.anyOf === undefined ? schema.type : pick(random, schema.anyOf).type) {
    case 'array':
      return Array.from({ length: below(random, 4) }, () => rightValue(random, name, schema.items ?? {}, known));
    case 'object':
      return Object.fromEntries([
        ...Object.entries(schema.properties ?? {})
          .filter(([key]) => schema.required?.includes(key) || random() < 0.3)
          .map(([key, value]) => [key, rightValue(random, key, value, known)]),
        ...(typeof schema.additionalProperties === 'object'
          ? [[pick(random, ['playlist_uuid', 'id', 'X-A']), 'p']]
          : []),
      ]);
    case 'boolean':
      return random() < 0.5;
    case 'integer':
    case 'number':
      return below(random, 100);
    default:
      return pick(random, [
        'mpegts',
        'default',
        'hls',
        'VLC/3.0',
        'p',
        '-i {input_url} -c copy -f mpegts {output_args}',
      ]);
  }
}

/** Changes a JSON value in one place. */
function spoil(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.05) return nastyValue(random);
  if (Array.isArray(value)) {
    const at = below(random, value.length + 1);
    return [...value.slice(0, at), spoil(random, value[at]), ...value.slice(at + 1)];
  }
  const entries = Object.entries(value);
  const at = below(random, entries.length);
  const found = entries[at];
  if (found === undefined || random() < 0.2) return { ...value, [nastyText(random)]: nastyValue(random) };
  if (random() < 0.1) return Object.fromEntries(entries.filter((entry) => entry !== found));
  return { ...value, [found[0]]: spoil(random, found[1]) };
}

function jsonBody(random: Random, right: unknown): Buffer {
  let value = right;
  for (let n = below(random, 3); n > 0; n--) value = spoil(random, value);
  const text = JSON.stringify(value) ?? '';
  switch (below(random, 14)) {
    case 0:
      return Buffer.from(text.slice(0, below(random, text.length + 1)));
    case 1:
      return Buffer.from(
        text.replace(/\}$/, `,"url":${JSON.stringify(nastyValue(random))},"url":"x","__proto__":{"url":1}}`),
      );
    case 2: {
      const bytes = Buffer.from(text);
      if (bytes.length > 0) bytes[below(random, bytes.length)] = below(random, 256);
      return bytes;
    }
    case 3:
      return Buffer.from(
        pick(random, [
          '['.repeat(50_000),
          `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`,
          '\ufeff{}',
          'NaN',
          '1e999',
          '"x"',
        ]),
      );
    case 4:
      return Buffer.from(text, 'utf16le');
    default:
      return Buffer.from(text);
  }
}

function targetOf(random: Random, { path, queries }: Route, known: Known): string {
  const filled = path.replace(/\{[^}]*\}/g, () =>
    random() < 0.7 ? pick(random, [...known.ids, 'nobody']) : nastyPart(random),
  );
  const parameters = queries
    .filter(() => random() < 0.7)
    .map((name) => {
      if (name === 'url') return `url=${encodeURIComponent(wellFormed(hostileUrl(random, known.origins)))}`;
      const right = pick(random, ['p', 'true', 'playlist_uuid', 'c1', '1', known.ids[0] ?? '']);
      return `${name}=${random() < 0.6 ? right : nastyPart(random)}`;
    });
  for (let n = below(random, 3); n > 0 && random() < 0.4; n--) {
    const parts = [
      '&&',
      '=',
      `${nastyPart(random)}=${nastyPart(random)}`,
      'field[]=a',
      'field[a]=b',
      `=${nastyPart(random)}`,
    ];
    parameters.push(pick(random, [...parts, ...parameters]));
  }
  // Players that cannot set headers pass it like this.
  if (random() < 0.1) parameters.push(`api_token=${known.token}`);
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
  if (random() < 0.03)
    return pick(random, ['//', '*', `http://127.0.0.1${filled}`, filled.slice(1), `${filled}//..`, `//${filled}`]);
  return filled + query;
}

const CONTENT_TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/vnd.api+json',
  'application/json, text/html',
  'application/jsonx',
  'text/plain',
  'text/html',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  '/',
  ';;;',
  'application/__proto__',
];

const OTHER_METHODS = ['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'DELETE', 'POST', 'GET', 'TRACE', 'PROPFIND', 'M-SEARCH'];

/** A request to one of the routes. */
export function hostileRequest(random: Random, routes: readonly Route[], known: Known): HostileRequest {
  const route = pick(random, routes);
  const name = `${route.method} ${route.path}`;
  const method = random() < 0.06 ? pick(random, OTHER_METHODS) : route.method;
  const wantsBody = route.body !== undefined || random() < 0.05;
  const body = wantsBody ? jsonBody(random, rightValue(random, '', route.body ?? {}, known)) : Buffer.alloc(0);
  // Bytes above ASCII are sent raw, in Latin-1: a server must tolerate them.
  const target = Buffer.from(targetOf(random, route, known)).toString('latin1');
  const token = random() < 0.6 ? [`X-API-Token: ${known.token}`] : [];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${random() < 0.05 ? inHead(nastyText(random), '\u001f').slice(0, 100) : '127.0.0.1'}`,
    'Connection: close',
    ...token,
    ...(wantsBody ? [`Content-Type: ${random() < 0.85 ? CONTENT_TYPES[0] : pick(random, CONTENT_TYPES)}`] : []),
    ...oddHeaders(random, known.token).map((line) => Buffer.from(line).toString('latin1')),
  ];
  if (random() < 0.08) return { route: name, method, ...malform(random, lines, body), malformed: true };
  const framed = wantsBody ? [...lines, `Content-Length: ${body.length}`] : lines;
  const bytes = Buffer.concat([Buffer.from(`${framed.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  return { route: name, method, bytes, malformed: false, halfClose: false };
}
