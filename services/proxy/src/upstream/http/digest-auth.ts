/**
 * HTTP Digest authentication: RFC 7616, and RFC 2069 for old cameras and receivers. Pure except for its random number.
 *
 * The libraries for it assume MD5, split a challenge at every comma, or split a password at its colon.
 */
import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** As the server spelled it; undefined: not given, which means MD5. */
  readonly algorithm: string | undefined;
  readonly qop: 'auth' | 'auth-int' | undefined;
  /** The nonce was too old; the password may be right. */
  readonly stale: boolean;
  readonly userhash: boolean;
}

const HASH_OF: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' };
const STRONGEST_FIRST = ['sha-512-256', 'sha-256', 'md5'];

/**
 * The strongest Digest challenge in a `WWW-Authenticate` header, which may hold several; undefined when none can be
 * answered.
 */
export function digestChallenge(header: string | undefined): DigestChallenge | undefined {
  const found = challenges(header ?? '')
    .filter(({ scheme }) => scheme === 'digest')
    .flatMap(({ params }) => digestOf(params) ?? []);
  const strength = ({ algorithm }: DigestChallenge) => STRONGEST_FIRST.indexOf(family(algorithm));
  return found.sort((a, b) => strength(a) - strength(b))[0];
}

/** Answers one server's challenge for every request. */
export class DigestSession {
  readonly challenge: DigestChallenge;
  #count = 0;

  constructor(challenge: DigestChallenge) {
    this.challenge = challenge;
  }

  /**
   * The `Authorization` header of a request without a body.
   *
   * @param uri path and query of the request
   */
  authorization(method: string, uri: string, { username, password }: Credentials, cnonce = newCnonce()): string {
    const { realm, nonce, opaque, algorithm, qop, userhash } = this.challenge;
    this.#count += 1;
    const nc = this.#count.toString(16).padStart(8, '0');
    const hash = (text: string) =>
      createHash(HASH_OF[family(algorithm)] ?? 'md5')
        .update(text)
        .digest('hex');
    const isSession = /-sess$/i.test(algorithm ?? '');
    const secret = hash(`${username}:${realm}:${password}`);
    const ha1 = isSession ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
    const ha2 = hash(qop === 'auth-int' ? `${method}:${uri}:${hash('')}` : `${method}:${uri}`);
    const response = hash(
      qop === undefined ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`,
    );
    const parts = [
      userOf(userhash ? hash(`${username}:${realm}`) : username),
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(uri)}`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      `response="${response}"`,
      ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
      ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${nc}`]),
      ...(qop !== undefined || isSession ? [`cnonce="${cnonce}"`] : []),
      ...(userhash ? ['userhash=true'] : []),
    ];
    return `Digest ${parts.join(', ')}`;
  }
}

function digestOf(params: ReadonlyMap<string, string>): DigestChallenge | undefined {
  const nonce = params.get('nonce');
  const algorithm = params.get('algorithm');
  if (nonce === undefined || HASH_OF[family(algorithm)] === undefined) return undefined;
  const offered = params
    .get('qop')
    ?.toLowerCase()
    .split(/[\s,]+/);
  const qop = (['auth', 'auth-int'] as const).find((each) => offered?.includes(each));
  return {
    realm: params.get('realm') ?? '',
    nonce,
    opaque: params.get('opaque'),
    algorithm,
    qop,
    stale: params.get('stale')?.toLowerCase() === 'true',
    userhash: params.get('userhash')?.toLowerCase() === 'true',
  };
}

function family(algorithm: string | undefined): string {
  return (algorithm ?? 'md5').toLowerCase().replace(/-sess$/, '');
}

/** A scheme begins a challenge. A word with "=" after it is a parameter of the challenge before. */
function challenges(header: string): { scheme: string; params: Map<string, string> }[] {
  const found: { scheme: string; params: Map<string, string> }[] = [];
  const piece = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
  for (const [, name = '', text, bare] of header.slice(0, MAX_HEADER).matchAll(piece)) {
    const value = text === undefined ? bare : text.replace(/\\(.)/g, '$1');
    if (value === undefined) found.push({ scheme: name.toLowerCase(), params: new Map() });
    else found.at(-1)?.params.set(name.toLowerCase(), value);
  }
  return found;
}

/** How many characters of a header are read. */
const MAX_HEADER = 8192;

function userOf(username: string): string {
  const isPlain = /^[\x20-\x7e]*$/.test(username);
  return isPlain ? `username=${quoted(username)}` : `username*=UTF-8''${encodeURIComponent(username)}`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function newCnonce(): string {
  return randomBytes(12).toString('hex');
}
