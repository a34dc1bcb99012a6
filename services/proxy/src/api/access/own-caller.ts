/** Whom a worker without API_TOKEN trusts less than others: web pages of other sites, and strangers who create by GET. Pure. */

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { classifyAddress } from '../../upstream/egress/address-class.ts';

/** What proxies add: whoever sends one of these is not on this machine, or cannot be told from who is not. */
const FORWARDED =
  /^(?:x-forwarded|forwarded$|via$|x-(?:real|client|cluster-client|original-forwarded)|cf-|true-client-ip$)/;

/**
 * Whether a request comes from a program on this machine: over the loopback address, under a name of that address, and past
 * no proxy. A proxy on this machine that adds no header and asks for `localhost` looks the same.
 *
 * @param peer the address of the connection, not one that a header claims
 */
export function isLoopbackCaller(peer: string | undefined, headers: IncomingHttpHeaders): boolean {
  if (!isLoopback(peer ?? '') || Object.keys(headers).some((name) => FORWARDED.test(name))) return false;
  // A page whose name was made to lead to this machine sends its own name.
  const host = nameOf(headers.host ?? '');
  return host === 'localhost' || isLoopback(host);
}

/**
 * Whether a browser sent a request for a page of another site. Such a request needs no answer that the page can read: it has
 * done its work when it arrives. Programs other than browsers send none of these headers.
 *
 * @param origins other sites that may
 */
export function isOfOtherSite(headers: IncomingHttpHeaders, origins: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && origins.includes(origin)) return false;
  // Browsers write it where they trust the connection: HTTPS, and this machine.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  const own = [headers.host, headers['x-forwarded-host']];
  return !URL.canParse(origin) || !own.includes(new URL(origin).host);
}

function nameOf(host: string): string {
  return host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
}

function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && classifyAddress(address) === 'loopback';
}
