/** Whom a request counts for where requests are limited and logged: an address that its sender cannot choose. Pure. */

import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import type { TrustProxy } from '../../config/config.ts';
import { isInRanges } from '../../upstream/egress/address-class.ts';

/** What one household or server gets of IPv6; in it a sender has as many addresses as it likes. */
const IPV6_NETWORK_GROUPS = 4;

/**
 * Who sent a request, as far as its sender cannot choose it. The last entry of X-Forwarded-For is the peer's own: a proxy adds
 * whom it was asked by. What stands in front of it came with the request. It counts only if the entry behind it is a proxy that
 * TRUST_PROXY names by its address; a whole class such as `uniquelocal`, or `true`, may hold the sender too.
 *
 * @param request `ips`: the peer, then the entries from the last one on, up to the first that is not trusted
 * @example senderOf({ ip, ips: ['10.0.0.2', '10.0.0.9', '192.0.2.1'] }, ['uniquelocal']) // '10.0.0.9'
 */
export function senderOf({ ip, ips }: Pick<FastifyRequest, 'ip' | 'ips'>, trustProxy: TrustProxy): string {
  const [peer = ip, ...hops] = ips ?? [];
  const named = typeof trustProxy === 'boolean' ? [] : trustProxy.filter((range) => range.includes('/'));
  const sender = hops.find((hop) => isIP(hop) === 0 || !isInRanges(hop, named));
  return sender ?? hops.at(-1) ?? peer;
}

/** An address, or for IPv6 the network that it is in, which a limit counts for. */
export function limitedNetwork(address: string): string {
  if (isIP(address) === 0) return address;
  const parsed = ipaddr.process(address.replace(/%.*$/, ''));
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const groups = parsed.parts.slice(0, IPV6_NETWORK_GROUPS).map((part) => part.toString(16));
  return `${groups.join(':')}::/${IPV6_NETWORK_GROUPS * 16}`;
}
