/**
 * The egress guard decides which addresses this worker may connect to for others. It resolves a name once and pins the
 * result.
 */
import { lookup as resolveName } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { PrivateSources } from '../../../../shared/settings/kinds.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import { type AddressClass, classifyAddress, isInRanges } from './address-class.ts';
import { HopMarker } from './hop-marker.ts';
import { schemeRefusal } from './source-url.ts';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Where a checked URL leads. Connect only to one of these addresses, without resolving the name again. */
export interface PinnedAddress extends Address {
  /** All allowed addresses of the name, in the resolver's order, including the first one. */
  readonly addresses: readonly Address[];
}

/** Resolves a host name to all of its addresses. */
export type Resolver = (hostname: string) => Promise<readonly { address: string; family: number }[]>;

const WHY: Readonly<Record<Exclude<AddressClass, 'public'>, string>> = {
  lan: 'a private address. Name it, or its range, in ALLOW_PRIVATE_SOURCES to allow it.',
  loopback: 'this machine itself. Name it in ALLOW_PRIVATE_SOURCES to allow it.',
  reserved: 'a reserved address. Name its range in ALLOW_PRIVATE_SOURCES to allow it.',
  forbidden: 'a link-local, metadata, multicast or unspecified address, which is never allowed.',
};

export class EgressGuard {
  /** Marks every request that passes, so that the cluster recognises it. */
  readonly marker: HopMarker;
  readonly #policy: PrivateSources;
  readonly #resolve: Resolver;

  /**
   * @param policy which private addresses sources may have; link-local and metadata addresses are always refused
   * @param resolve the system's resolver, or a test's
   * @param marker the cluster's
   */
  constructor(
    policy: PrivateSources,
    resolve: Resolver = (name) => resolveName(name, { all: true }),
    marker = HopMarker.alone(),
  ) {
    this.marker = marker;
    this.#policy = policy;
    this.#resolve = resolve;
  }

  /**
   * What is wrong with a URL without asking DNS: a scheme that no source may have, or a refused IP address or `localhost`.
   * Undefined when nothing is wrong.
   */
  refusal(url: URL): string | undefined {
    const wrongScheme = schemeRefusal(url);
    if (wrongScheme !== undefined) return wrongScheme;
    const host = normalised(url.hostname);
    const named = this.#isNamed(host);
    if (isIP(host) !== 0) {
      const kind = this.#verdict(host, named);
      return kind === undefined ? undefined : refusalOf(host, kind);
    }
    const local = host === 'localhost' || host.endsWith('.localhost');
    return local && !this.#policy.loopback && !named && this.#policy.ranges.length === 0
      ? refusalOf(host, 'loopback')
      : undefined;
  }

  /**
   * As `refusal`, for callers that store a URL to open it later.
   *
   * @throws {StreampoolError} 422
   */
  checkLiteral(url: URL): void {
    const reason = this.refusal(url);
    if (reason !== undefined) throw new StreampoolError(422, reason);
  }

  /**
   * Decides whether `url` may be fetched, and from which addresses. Connect only to the returned addresses.
   *
   * @throws {SourceError} `egress_refused` when not allowed, `dns` when the name has no address
   */
  async check(url: URL): Promise<PinnedAddress> {
    const reason = this.refusal(url);
    if (reason !== undefined) throw new SourceError('egress_refused', reason);
    const host = normalised(url.hostname);
    const found = isIP(host) === 0 ? await this.#lookUp(host) : [{ address: host, family: isIP(host) }];
    const named = this.#isNamed(host);
    const addresses = found
      .filter(({ address }) => this.#verdict(address, named) === undefined)
      .map(({ address, family }): Address => ({ address, family: family === 6 ? 6 : 4 }));
    const [first] = addresses;
    if (first !== undefined) return { ...first, addresses };
    const [refused] = found;
    if (refused === undefined) throw new SourceError('dns', `The name ${host} has no address.`);
    const kind = this.#verdict(refused.address, named) ?? 'forbidden';
    throw new SourceError('egress_refused', refusalOf(host, kind));
  }

  async #lookUp(host: string): Promise<readonly { address: string; family: number }[]> {
    try {
      return await this.#resolve(host);
    } catch (cause) {
      throw new SourceError('dns', `The name ${host} could not be resolved. Check its spelling.`, { cause });
    }
  }

  /** Why an address is refused, or undefined when it is allowed. */
  #verdict(address: string, named: boolean): Exclude<AddressClass, 'public'> | undefined {
    const kind = classifyAddress(address);
    if (kind === 'public') return undefined;
    if (kind === 'forbidden') return kind;
    if (kind === 'lan' && this.#policy.lan) return undefined;
    if (kind === 'loopback' && this.#policy.loopback) return undefined;
    return named || isInRanges(address, this.#policy.ranges) ? undefined : kind;
  }

  #isNamed(host: string): boolean {
    return this.#policy.hosts.includes(host);
  }
}

/** The `lookup` of a socket that may connect only to checked addresses. */
export function pinnedLookup(pinned: PinnedAddress): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...pinned.addresses]);
    else callback(null, pinned.address, pinned.family);
  };
}

function refusalOf(host: string, kind: Exclude<AddressClass, 'public'>): string {
  return `The host ${host} is refused: it is ${WHY[kind]}`;
}

/** Lower case, without brackets and the root's dot. Unusual spellings of an IPv4 address become four decimals. */
function normalised(hostname: string): string {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const zone = host.replace(/%.*$/, '');
  if (isIP(zone) === 6) return zone;
  try {
    return new URL(`http://${host}/`).hostname.replace(/\.$/, '');
  } catch {
    return host.replace(/\.$/, '');
  }
}
