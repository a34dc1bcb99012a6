/** Opaque addresses: a URL sealed into a path segment. Nobody can read it, and no table of addresses is needed. */
import { randomBytes } from 'node:crypto';
import { Sealer } from '../../sealer.ts';
import type { HlsRole } from '../playlists/hls-rewrite.ts';

export interface Reference {
  readonly url: string;
  readonly role: HlsRole;
}

const ROLES: readonly HlsRole[] = ['playlist', 'segment', 'map', 'key', 'other'];
const SECRET_BYTES = 32;

/** Seals and opens the references of one session with a secret of its own: another FFmpeg's are worth nothing. */
export class ReferenceSealer {
  readonly #sealer: Sealer;

  constructor() {
    const secret = randomBytes(SECRET_BYTES).toString('hex');
    this.#sealer = new Sealer(() => [secret]);
  }

  /**
   * Seals the same reference always into the same text, because FFmpeg compares key and map addresses between reloads.
   */
  seal({ role, url }: Reference): string {
    return this.#sealer.seal('reference', '', `${ROLES.indexOf(role)}${url}`);
  }

  /** Undefined for any text that this sealer did not make. */
  open(text: string): Reference | undefined {
    return this.#sealer.open('reference', '', text, read);
  }
}

function read(content: string): Reference | undefined {
  const role = ROLES[Number(content.charAt(0))];
  return role === undefined ? undefined : { role, url: content.slice(1) };
}
