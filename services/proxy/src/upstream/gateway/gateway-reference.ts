/** Opaque addresses: a URL sealed into a path segment. Nobody can read it, and no table of addresses is needed. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { HlsRole } from '../hls/hls-rewrite.ts';

export interface Reference {
  readonly url: string;
  readonly role: HlsRole;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const ROLES: readonly HlsRole[] = ['playlist', 'segment', 'map', 'key', 'other'];

/** Seals and opens the references of one session with its own key. */
export class ReferenceSealer {
  readonly #key = randomBytes(32);
  readonly #ivKey = randomBytes(32);

  /**
   * Seals the same reference always into the same text, because FFmpeg compares key and map addresses between reloads.
   */
  seal(reference: Reference): string {
    const plain = `${ROLES.indexOf(reference.role)}${reference.url}`;
    // An IV made from the content repeats only with the content.
    const iv = createHmac('sha256', this.#ivKey).update(plain).digest().subarray(0, IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return sealed.toString('base64url');
  }

  /** Undefined for any text that this sealer did not make. */
  open(text: string): Reference | undefined {
    const sealed = Buffer.from(text, 'base64url');
    if (sealed.length <= IV_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, IV_BYTES));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const body = sealed.subarray(IV_BYTES, -TAG_BYTES);
      const plain = Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      const role = ROLES[Number(plain.charAt(0))];
      return role === undefined ? undefined : { role, url: plain.slice(1) };
    } catch {
      return undefined;
    }
  }
}
