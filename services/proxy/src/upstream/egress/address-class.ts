/** The kind of an IP address, for the egress guard. Pure. */
import ipaddr from 'ipaddr.js';

/**
 * - `public`: reachable over the internet
 * - `lan`: RFC 1918, carrier-grade NAT (also used by overlay networks) and unique local addresses
 * - `loopback`: this machine
 * - `reserved`: no host of the internet; only a range that is named allows it
 * - `forbidden`: link-local, instance metadata, multicast, broadcast, unspecified; nothing allows it
 */
export type AddressClass = 'public' | 'lan' | 'loopback' | 'reserved' | 'forbidden';

/**
 * Cloud providers' metadata services outside the link-local ranges. AWS has all its own (instance, DNS, time, pod
 * identity) in fd00:ec2::/32.
 */
const METADATA: readonly string[] = [
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
];

const METADATA_RANGES = METADATA.map((range) => ipaddr.parseCIDR(range));

const CLASS_OF_RANGE: Readonly<Record<string, AddressClass>> = {
  unicast: 'public',
  as112: 'public',
  as112v6: 'public',
  amt: 'public',
  private: 'lan',
  carrierGradeNat: 'lan',
  uniqueLocal: 'lan',
  loopback: 'loopback',
  linkLocal: 'forbidden',
  multicast: 'forbidden',
  broadcast: 'forbidden',
  unspecified: 'forbidden',
};

const SEVERITY: readonly AddressClass[] = ['public', 'lan', 'loopback', 'reserved', 'forbidden'];

/** The IPv4 addresses to which an IPv6 address leads: mapped, translated (NAT64, SIIT), 6to4, Teredo, compatible. */
function embedded(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const v4 = (at: number, mask = 0): ipaddr.IPv4 => new ipaddr.IPv4(bytes.slice(at, at + 4).map((byte) => byte ^ mask));
  const range = address.range();
  if (range === 'ipv4Mapped' || range === 'rfc6145') return [v4(12)];
  if (range === 'rfc6052' && bytes[5] === 0) return [v4(12)];
  if (range === '6to4') return [v4(2)];
  // Teredo: the relay server's address, and the client's own address with every bit inverted.
  if (range === 'teredo') return [v4(4), v4(12, 0xff)];
  const compatible = bytes.slice(0, 12).every((byte) => byte === 0);
  return compatible && range !== 'unspecified' && range !== 'loopback' ? [v4(12)] : [];
}

function classOfRange(address: ipaddr.IPv4 | ipaddr.IPv6): AddressClass {
  if (METADATA_RANGES.some(([range, bits]) => range.kind() === address.kind() && address.match([range, bits]))) {
    return 'forbidden';
  }
  const known = CLASS_OF_RANGE[address.range()] ?? 'reserved';
  // Only 2000::/3 is assigned to the internet.
  const outside = address.kind() === 'ipv6' && ((address.toByteArray()[0] ?? 0) & 0xe0) !== 0x20;
  return known === 'public' && outside ? 'reserved' : known;
}

/** Parses an address without brackets and ignores a zone (`fe80::1%eth0`). Throws on anything else. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.parse(text.replace(/%.*$/, ''));
}

/** An address and those embedded in it, to compare with named ranges. */
function withEmbedded(text: string): (ipaddr.IPv4 | ipaddr.IPv6)[] {
  const address = parse(text);
  return address instanceof ipaddr.IPv6 ? [address, ...embedded(address)] : [address];
}

/**
 * The class of an IP address. An IPv6 address that leads to an IPv4 address has the class of that one.
 *
 * @throws Error when `text` is not an address
 */
export function classifyAddress(text: string): AddressClass {
  const [address, ...inner] = withEmbedded(text);
  if (address === undefined) return 'forbidden';
  if (inner.length === 0) return classOfRange(address);
  const worst = Math.max(...inner.map((each) => SEVERITY.indexOf(classOfRange(each))));
  return SEVERITY[worst] ?? 'forbidden';
}

/** Whether an address, or the IPv4 address to which it leads, is in one of these CIDR ranges. */
export function isInRanges(text: string, ranges: readonly string[]): boolean {
  const addresses = withEmbedded(text);
  return ranges.some((range) => {
    const [network, bits] = ipaddr.parseCIDR(range);
    return addresses.some((address) => address.kind() === network.kind() && address.match([network, bits]));
  });
}
