import { describe, expect, it } from 'vitest';
import { hopHeaders } from '../../../../services/proxy/src/upstream/http/request-headers.ts';
import { maskHeaders } from '../../../../services/shared/masking/mask.ts';

const SECRETS = [
  ...['Authorization', 'Cookie', 'X-Api-Key', 'x-auth-token', 'X-AUTHTOKEN', 'Api-Key', 'X-Key'],
  ...['X-Access-Token', 'X-Session-Id', 'X-Client-Secret', 'X-Password', 'X-Signature'],
];

describe('a secret header', () => {
  const entryUrl = new URL('http://tv.example/1.ts');
  const sent = (url: string, name: string) =>
    hopHeaders({ entryUrl, url: new URL(url), headers: { [name]: 'v' }, userAgent: 'x', via: '1.1 us' })[
      name.toLowerCase()
    ];

  it.each([...SECRETS, 'Referer'])('%s goes to the source alone, not to where it redirects', (name) => {
    expect(sent('http://tv.example/2.ts', name)).toBe('v');
    for (const other of ['http://cdn.example/1.ts', 'https://tv.example/1.ts', 'http://tv.example:8080/1.ts']) {
      expect(sent(other, name)).toBeUndefined();
    }
  });

  it.each(SECRETS)('%s is not shown', (name) => {
    expect(maskHeaders({ [name]: 'v4lue' })).toEqual({ [name]: '***' });
  });

  it.each(['Origin', 'X-Keyframe', 'Accept-Language', 'X-Monkey', 'X-Author'])('%s is none', (name) => {
    expect(sent('http://cdn.example/1.ts', name)).toBe('v');
    expect(maskHeaders({ [name]: 'v4lue' })).toEqual({ [name]: 'v4lue' });
  });
});
