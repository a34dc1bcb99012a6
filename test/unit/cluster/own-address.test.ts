/** Where other workers find this one, by the machine's routes. */

import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { addressTowards, hostPort } from '../../../services/proxy/src/cluster/own-address.ts';

describe('elsewhere', () => {
  it('it is the address that packets leave from', async () => {
    expect(await addressTowards('127.0.0.1')).toBe('127.0.0.1');
    const own = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
    expect([...own, '127.0.0.1']).toContain(await addressTowards('no-such-host.invalid'));
  });

  it.each([
    ['10.0.0.1', '10.0.0.1:9085'],
    ['::ffff:10.0.0.1', '10.0.0.1:9085'],
    ['fd00::1', '[fd00::1]:9085'],
    ['worker-1.local', 'worker-1.local:9085'],
  ])('%s is written %s', (host, written) => {
    expect(hostPort(host, 9085)).toBe(written);
  });
});
