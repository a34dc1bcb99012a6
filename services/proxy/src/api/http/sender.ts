/** The address that rate limits and logs use for a request; its sender cannot choose it. Pure. */

import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import type { TrustProxy } from '../../config/config.ts';
import { isInRanges } from '../../upstream/egress/address-class.ts';

/** A household or server gets a /64 of IPv6, and can use any address in it. */
const IPV6_NETWORK_GROUPS = 4;

/**
 * The outermost address of a request that its sender cannot have forged. A proxy appends to X-Forwarded-For the address that
 * sent it the request; the sender may have written the entries before that one. The last entry counts if a proxy that
 * TRUST_PROXY names by its address added it. A whole class such as `uniquelocal`, or `true`, may include the sender itself.
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

/** What a limit counts for: an IPv4 address, or the network of an IPv6 address. */
export function limitedNetwork(address: string): string {
  if (isIP(address) === 0) return address;
  const parsed = ipaddr.process(address.replace(/%.*$/, ''));
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const groups = parsed.parts.slice(0, IPV6_NETWORK_GROUPS).map((part) => part.toString(16));
  return `${groups.join(':')}::/${IPV6_NETWORK_GROUPS * 16}`;
}
