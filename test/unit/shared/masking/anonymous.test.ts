/** What LOG_ANONYMIZE leaves of a viewer in a line of the log. */
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../../services/shared/log.ts';
import { anonymous, networkOf } from '../../../../services/shared/masking/anonymous.ts';

describe('networkOf', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0'],
    ['::ffff:192.0.2.77', '192.0.2.0'],
    ['2001:db8:12:3456:789a::1', '2001:db8:12::'],
    ['2001:db8::1', '2001:db8:0::'],
    ['fe80::1%eth0', 'fe80:0:0::'],
    ['::1', '0:0:0::'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
    ['viewer.example', '***'],
    ['', '***'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('anonymous', () => {
  it('hides names, shortens addresses, and leaves everything else', () => {
    const line = {
      msg: 'viewer joined',
      user: 'anna',
      ip: '192.0.2.77',
      player: 'VLC',
      status: 200,
      client: 'client_1',
    };
    expect(anonymous(line)).toEqual({ ...line, user: '***', ip: '192.0.2.0' });
  });

  it('hides the user in a URL, and not a word that ends like its name', () => {
    const url = '/stream/1?username=anna&superuser=x&u=anna';
    expect(anonymous({ url })).toEqual({ url: '/stream/1?username=***&superuser=x&u=***' });
  });

  it('is what the log writes when it is asked to', () => {
    let output = '';
    const destination = { write: (line: string) => (output += line) };
    const log = createLogger('info', {}, destination, { anonymize: true });
    log.info({ user: 'anna', ip: '192.0.2.77' }, 'viewer joined');
    expect(JSON.parse(output)).toMatchObject({ user: '***', ip: '192.0.2.0', msg: 'viewer joined' });
  });
});
