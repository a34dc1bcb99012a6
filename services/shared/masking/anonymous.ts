/** Takes out of a line of the log who a viewer is: its name, and the part of its address that names a household. Pure. */

import { isIP } from 'node:net';
import { HIDDEN } from './what-is-masked.ts';

/** Fields that hold the address of a viewer, and those that hold its name. */
const ADDRESSES: readonly string[] = ['ip', 'ipAddress', 'ip_address'];
const NAMES: readonly string[] = ['user', 'username'];

/** The user in a query of this program or of a provider. */
const NAME_IN_URL = /([?&](?:username|user|u)=)[^&\s"]*/gi;

/** @param fields of one line, already without credentials; what lies deeper in them is left as it is, for only these are of viewers */
export function anonymous(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      if (ADDRESSES.includes(name)) return [name, networkOf(value)];
      return [name, NAMES.includes(name) ? HIDDEN : value.replace(NAME_IN_URL, `$1${HIDDEN}`)];
    }),
  );
}

/**
 * The network of an address: 24 bits of IPv4, 48 of IPv6, which is what a household gets at most. Anything else is hidden as a whole.
 *
 * @example networkOf('192.0.2.77') // '192.0.2.0'
 */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIP(plain) === 4) return plain.replace(/\.\d+$/, '.0');
  if (isIP(plain) !== 6) return HIDDEN;
  const [before = '', after] = plain.replace(/%.*$/, '').split('::');
  const head = before.split(':').filter((group) => group !== '');
  const tail = (after ?? '').split(':').filter((group) => group !== '');
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail];
  return `${groups.slice(0, 3).join(':')}::`;
}
