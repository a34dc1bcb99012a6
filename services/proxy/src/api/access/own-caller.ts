/** Whom a worker without API_TOKEN trusts less: web pages of other sites, and remote callers that create by GET. Pure. */

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { classifyAddress } from '../../upstream/egress/address-class.ts';

/** Headers that proxies add. A request with one of these does not come from this machine, or nobody can tell. */
const FORWARDED =
  /^(?:x-forwarded|forwarded$|via$|x-(?:real|client|cluster-client|original-forwarded)|cf-|true-client-ip$)/;

/**
 * Whether a request comes from a program on this machine: over the loopback address, under a name of that address, and
 * through no proxy. A local proxy that adds no header and asks for `localhost` looks the same.
 *
 * @param peer the address of the connection, not one that a header claims
 */
export function isLoopbackCaller(peer: string | undefined, headers: IncomingHttpHeaders): boolean {
  if (!isLoopback(peer ?? '') || Object.keys(headers).some((name) => FORWARDED.test(name))) return false;
  // A page can point its own host name at this machine (DNS rebinding); its requests then carry that name.
  const host = nameOf(headers.host ?? '');
  return host === 'localhost' || isLoopback(host);
}

/**
 * Whether a browser sent the request for a page of another site. Such a request does its harm on arrival, even if the page
 * cannot read the answer. Programs other than browsers send none of these headers.
 *
 * @param origins other sites that are allowed
 */
export function isOfOtherSite(headers: IncomingHttpHeaders, origins: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && origins.includes(origin)) return false;
  // Browsers send this header only over HTTPS and to this machine.
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
