/**
 * Texts that every worker of the cluster can make and read, and nobody else: the addresses and tickets that HLS viewers carry from
 * request to request. A text is bound to its use and its stream, so it is worth nothing for another one.
 */

import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { StreampoolError } from './errors.ts';

/** What a sealed text is for. */
export type SealUse = 'reference' | 'ticket';

/** How texts of a use are written, and what they look like. */
const WRITTEN: Readonly<Record<SealUse, { readonly as: 'hex' | 'base64url'; readonly looks: RegExp }>> = {
  // It stands in the path of an address, behind the id of its stream.
  ticket: { as: 'hex', looks: /^(?:[0-9a-f]{2})+$/ },
  reference: { as: 'base64url', looks: /^[\w-]+$/ },
};

interface Keys {
  readonly content: Buffer;
  readonly iv: Buffer;
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** How many bytes longer a sealed text is than what it holds. */
export const SEAL_OVERHEAD_BYTES = IV_BYTES + TAG_BYTES;
/** Keys kept ready: of the current secret and a few former ones, for each use. */
const MAX_KEYS = 32;
/** Of what was opened last: some ten thousand tickets. */
const MAX_OPENED_BYTES = 4 * 1024 * 1024;
/** Of a map for each entry, and of what was read. */
const ENTRY_BYTES = 256;

interface Opened {
  readonly use: SealUse;
  readonly streamId: string;
  readonly secret: string;
  /** Characters of what it holds. */
  readonly length: number;
  readonly read: unknown;
}

/** One per worker. */
export class Sealer {
  readonly #secrets: () => readonly [string, ...string[]];
  readonly #mayLackSecret: () => boolean;
  readonly #keys = new Map<string, Keys>();
  /** What was opened lately, by text: each viewer comes again with the same ticket, and all viewers with the same references. */
  readonly #opened = new Map<string, Opened>();
  #openedBytes = 0;

  /**
   * @param secrets the one to seal with, and those with which older texts were sealed
   * @param mayLackSecret whether other workers may have sealed texts with one that is not among them yet
   */
  constructor(secrets: () => readonly [string, ...string[]], mayLackSecret: () => boolean = () => false) {
    this.#secrets = secrets;
    this.#mayLackSecret = mayLackSecret;
  }

  /**
   * Seals the same content always into the same text: players compare the addresses of keys and maps between reloads.
   *
   * @example sealer.seal('reference', stream.id, 'https://provider/key')
   */
  seal(use: SealUse, streamId: string, content: string): string {
    const keys = this.#keysOf(use, this.#secrets()[0]);
    // An IV made from the content repeats only with the content.
    const iv = createHmac('sha256', keys.iv).update(`${streamId} ${content}`).digest().subarray(0, IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', keys.content, iv).setAAD(Buffer.from(streamId));
    const sealed = Buffer.concat([iv, cipher.update(content, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return sealed.toString(WRITTEN[use].as);
  }

  /**
   * What a text holds; undefined for one that this cluster did not seal for this use and stream.
   *
   * @param read understands the content. It is called once for a text that comes again and again; always give the same one for a use
   */
  open<T>(use: SealUse, streamId: string, text: string, read: (content: string) => T): T | undefined {
    const known = this.#opened.get(text);
    const secrets = this.#secrets();
    if (known?.use === use && known.streamId === streamId && secrets.includes(known.secret)) return known.read as T;
    const { as, looks } = WRITTEN[use];
    const sealed = Buffer.from(looks.test(text) ? text : '', as);
    if (sealed.length < SEAL_OVERHEAD_BYTES) return undefined;
    for (const secret of secrets) {
      const content = opened(this.#keysOf(use, secret).content, streamId, sealed);
      if (content === undefined) continue;
      const result = read(content);
      this.#remember(text, { use, streamId, secret, length: content.length, read: result });
      return result;
    }
    return undefined;
  }

  /**
   * What to answer to a text that does not open, and to an address whose signature does not fit: 403, or 503 while another worker may
   * have made it. Players take 403 for the end.
   */
  refusal(message: string): StreampoolError {
    if (!this.#mayLackSecret()) return new StreampoolError(403, message);
    const lacking = 'This worker has just started, and cannot tell yet whether its cluster has made this address.';
    return new StreampoolError(503, `${lacking} Try again.`, { retryAfterSeconds: 1 });
  }

  #remember(text: string, opened: Opened): void {
    // The text of a request would keep all of its address in memory.
    const name = Buffer.from(text, 'latin1').toString('latin1');
    this.#forget(name);
    this.#opened.set(name, opened);
    this.#openedBytes += sizeOf(name, opened);
    for (const oldest of this.#opened.keys()) {
      if (this.#openedBytes <= MAX_OPENED_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    const known = this.#opened.get(name);
    if (known === undefined) return;
    this.#opened.delete(name);
    this.#openedBytes -= sizeOf(name, known);
  }

  #keysOf(use: SealUse, secret: string): Keys {
    const name = `${use} ${secret}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const bytes = Buffer.from(hkdfSync('sha256', secret, '', `streampool ${use}`, 2 * KEY_BYTES));
    const keys = { content: bytes.subarray(0, KEY_BYTES), iv: bytes.subarray(KEY_BYTES) };
    this.#keys.set(name, keys);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
    return keys;
  }
}

function sizeOf(name: string, { length }: Opened): number {
  return name.length + 2 * length + ENTRY_BYTES;
}

function opened(key: Buffer, streamId: string, sealed: Buffer): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(streamId)).setAuthTag(sealed.subarray(-TAG_BYTES));
  const content = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([content, decipher.final()]).toString('utf8');
  } catch {
    // The tag does not fit: it was sealed with another secret, or not at all.
    return undefined;
  }
}
