import { describe, expect, it } from 'vitest';
import { SourceError, StreampoolError } from '../../../../services/proxy/src/errors.ts';
import { classifyAddress } from '../../../../services/proxy/src/upstream/egress/address-class.ts';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { egressPolicy } from '../support.ts';

function guard(text: string | undefined, options: { onEcs?: boolean; names?: Record<string, string[]> } = {}) {
  const names = options.names ?? {};
  return new EgressGuard(egressPolicy(text, options.onEcs ?? false), async (name) => {
    const found = names[name];
    if (found === undefined) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
    return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  });
}

async function verdict(which: EgressGuard, url: string): Promise<string> {
  try {
    return (await which.check(new URL(url))).addresses.map(({ address }) => address).join(' ');
  } catch (error) {
    if (error instanceof SourceError) return error.reason;
    throw error;
  }
}

describe('address classes', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1', 'public'],
    ['10.1.2.3', 'lan'],
    ['172.31.255.255', 'lan'],
    ['172.32.0.0', 'public'],
    ['192.168.0.1', 'lan'],
    ['100.64.0.1', 'lan'],
    ['fd12:3456::1', 'lan'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.169.254', 'forbidden'],
    ['169.254.170.2', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['168.63.129.16', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['fd00:ec2::23', 'forbidden'],
    ['fd20:ce::254', 'forbidden'],
    ['0.0.0.0', 'forbidden'],
    ['0.1.2.3', 'forbidden'],
    ['::', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['ff02::1', 'forbidden'],
    ['240.0.0.1', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['fec0::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['::ffff:8.8.8.8', 'public'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:0:10.0.0.1', 'lan'],
    ['64:ff9b::a9fe:a9fe', 'forbidden'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['64:ff9b:1::a9fe:a9fe', 'reserved'],
    ['2002:a9fe:a9fe::1', 'forbidden'],
    ['2002:7f00:1::1', 'loopback'],
    ['2001:0:0808:0808:0:0:5601:5601', 'forbidden'],
    ['::127.0.0.1', 'loopback'],
    ['::a9fe:a9fe', 'forbidden'],
  ])('%s is %s', (address, expected) => {
    expect(classifyAddress(address)).toBe(expected);
  });
});

describe('policy', () => {
  it('allows the LAN by default, refuses it on ECS', async () => {
    expect(await verdict(guard(undefined), 'http://192.168.1.5/a.ts')).toBe('192.168.1.5');
    expect(await verdict(guard(undefined, { onEcs: true }), 'http://192.168.1.5/a.ts')).toBe('egress_refused');
    expect(await verdict(guard('true', { onEcs: true }), 'http://192.168.1.5/a.ts')).toBe('192.168.1.5');
  });

  it.each([
    [undefined, 'egress_refused'],
    ['false', 'egress_refused'],
    ['192.168.0.0/16', 'egress_refused'],
    ['true', '127.0.0.1'],
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
  ])('loopback with ALLOW_PRIVATE_SOURCES=%s: %s', async (text, expected) => {
    expect(await verdict(guard(text), 'http://127.0.0.1:8080/a.ts')).toBe(expected);
  });

  it('a list allows what it names and nothing else that is private', async () => {
    const listed = guard('10.0.0.0/8, nas.home', {
      names: { 'nas.home': ['192.168.7.7'], 'other.home': ['192.168.7.8'], 'evil.home': ['169.254.169.254'] },
    });
    expect(await verdict(listed, 'http://10.9.9.9/')).toBe('10.9.9.9');
    expect(await verdict(listed, 'http://NAS.home./')).toBe('192.168.7.7');
    expect(await verdict(listed, 'http://other.home/')).toBe('egress_refused');
    expect(await verdict(listed, 'http://8.8.8.8/')).toBe('8.8.8.8');
  });

  it.each(['true', '169.254.0.0/16', '0.0.0.0/0', 'meta.test'])(
    'nothing allows metadata, not even %s',
    async (text) => {
      const which = guard(text, { names: { 'meta.test': ['169.254.170.2'] } });
      expect(await verdict(which, 'http://169.254.169.254/latest/meta-data/')).toBe('egress_refused');
      expect(await verdict(which, 'http://169.254.170.2/v2/credentials')).toBe('egress_refused');
      expect(await verdict(which, 'http://[fe80::1]/')).toBe('egress_refused');
      expect(await verdict(which, 'http://[fd00:ec2::254]/')).toBe('egress_refused');
      expect(await verdict(which, 'http://0.0.0.0/')).toBe('egress_refused');
      expect(await verdict(which, 'http://meta.test/')).toBe('egress_refused');
    },
  );

  it.each([
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://127.1/',
    'http://0177.0.0.1/',
    'http://[::ffff:7f00:1]/',
    'http://%31%32%37.0.0.1/',
    'http://127。0。0。1/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://tv.localhost/',
  ])('sees through the spelling %s', async (url) => {
    expect(await verdict(guard(undefined), url)).toBe('egress_refused');
    expect(() => guard(undefined).checkLiteral(new URL(url))).toThrow(StreampoolError);
  });

  it('says what is wrong with a bad setting', () => {
    expect(() => egressPolicy('10.0.0.0/99')).toThrow(/ALLOW_PRIVATE_SOURCES="10.0.0.0\/99": must be true/);
    expect(() => egressPolicy('http://x/')).toThrow(/must be/);
  });
});

describe('names', () => {
  it('uses only the allowed addresses of a name that has both kinds', async () => {
    const which = guard(undefined, { names: { 'tv.test': ['169.254.169.254', '8.8.8.8', '::1', '1.1.1.1'] } });
    expect(await verdict(which, 'https://tv.test/')).toBe('8.8.8.8 1.1.1.1');
  });

  it('refuses a name that leads to this machine, and one that leads nowhere', async () => {
    const which = guard(undefined, { names: { 'rebind.test': ['127.0.0.1'], 'nothing.test': [] } });
    expect(await verdict(which, 'http://rebind.test/')).toBe('egress_refused');
    expect(await verdict(which, 'http://nothing.test/')).toBe('dns');
    expect(await verdict(which, 'http://unknown.test/')).toBe('dns');
  });

  it('resolves with the real resolver too', async () => {
    const real = new EgressGuard(egressPolicy('localhost'));
    expect(await verdict(real, 'http://localhost/')).toMatch(/127\.0\.0\.1|::1/);
  });
});

describe('literals', () => {
  it.each(['file:///etc/passwd', 'ftp://tv.test/', 'rtsp://tv.test/', 'data:video/mp2t,x', 'gopher://tv.test/'])(
    'refuses %s with 422',
    async (url) => {
      expect(() => guard('true').checkLiteral(new URL(url))).toThrow(
        expect.objectContaining({ status: 422, message: expect.stringMatching(/http or https/) }),
      );
      expect(await verdict(guard('true'), url)).toBe('egress_refused');
    },
  );

  it('lets names pass, which are decided when they are opened', () => {
    expect(() => guard('false').checkLiteral(new URL('http://tv.test/'))).not.toThrow();
    expect(() => guard('localhost').checkLiteral(new URL('http://localhost:1/'))).not.toThrow();
    expect(() => guard(undefined).checkLiteral(new URL('http://169.254.170.2/v2'))).toThrow(/never allowed/);
  });
});
