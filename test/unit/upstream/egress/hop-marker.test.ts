import { describe, expect, it } from 'vitest';
import type { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { HopMarker } from '../../../../services/proxy/src/upstream/egress/hop-marker.ts';
import { openUpstream } from '../../../../services/proxy/src/upstream/http/open-upstream.ts';
import { hopHeaders } from '../../../../services/proxy/src/upstream/http/request-headers.ts';
import { openGuard, rawServer, serve } from '../support.ts';

const A = 'http://tv.example/a.ts?user=u&pass=p';
const B = 'http://tv.example/b.ts';
const marker = new HopMarker(() => 'the secret of a cluster');
const viaOf = (source: string, received?: string) => marker.via(new URL(source), received);

describe('the marker of a hop', () => {
  it('is the same for all workers of a cluster, another one elsewhere, and shows neither secret nor source', () => {
    const via = viaOf(A);
    expect(via).toMatch(/^1\.1 streampool-[0-9a-f]{16} \([0-9a-f]{16}\)$/);
    expect(new HopMarker(() => 'the secret of a cluster').via(new URL(A))).toBe(via);
    for (const other of [new HopMarker(() => 'another'), HopMarker.alone(), HopMarker.alone()]) {
      expect(other.count(via)).toBe(0);
      expect(other.names(via, [A])).toBe(false);
      expect(marker.count(other.via(new URL(A)))).toBe(0);
    }
  });

  it('names the source that a request was sent for, and no other', () => {
    expect(marker.names(viaOf(A), [B, A])).toBe(true);
    expect(marker.names(viaOf(A), ['HTTP://TV.example:80/a.ts?user=u&pass=p'])).toBe(true);
    expect(marker.names(viaOf(A), [B, 'not a URL'])).toBe(false);
    expect(marker.names(undefined, [A])).toBe(false);
  });

  it.each([
    ['no Via', undefined, 0],
    ['other proxies', '1.0 fred, 1.1 streampool-0000000000000000 (x), HTTP/2 nginx', 0],
    ['one among others', `1.0 fred, ${viaOf(A)}, 1.1 lb`, 1],
    ['two', `${viaOf(A)}, ${viaOf(B)}`, 2],
    ['two whose comments a proxy has dropped', `${marker.own},${marker.own}`, 2],
    ['behind a comment and a quote without end', `1.1 x (", ${viaOf(A)}`, 1],
  ])('is counted: %s', (_, via, count) => {
    expect(marker.count(via)).toBe(count);
  });

  it('goes on with the one of the request before, and without those of other proxies', () => {
    const via = viaOf(B, `1.1 office-proxy, ${viaOf(A)}, 1.1 lb`);
    expect(via).toBe(`${viaOf(A)}, ${viaOf(B)}`);
    expect(marker.names(via, [A])).toBe(true);
  });
});

describe('the Via of a request to a provider', () => {
  it.each(['Via', 'via', 'VIA'])('follows the one of the stream’s own headers (%s)', (name) => {
    const url = new URL(A);
    const headers = (own: Record<string, string>) =>
      hopHeaders({ entryUrl: url, url, headers: own, userAgent: 'x', via: viaOf(A) });
    expect(headers({}).via).toBe(viaOf(A));
    expect(headers({ [name]: '1.0 fred (' }).via).toBe(`1.0 fred (, ${viaOf(A)}`);
  });

  const request = (url: string, guard: EgressGuard) => ({
    url,
    guard,
    headers: {},
    userAgent: 'x',
    connectTimeoutMs: 2_000,
    headersTimeoutMs: 2_000,
  });

  it('is sent by both HTTP connectors, and after a redirect, for the source that was asked first', async () => {
    const guard = openGuard();
    const seen: string[] = [];
    // A head that undici refuses, so that the lenient connector asks again.
    const odd = await rawServer((socket, text) => {
      seen.push(/^via: (.*)$/im.exec(text)?.[1] ?? 'none');
      socket.end('ICY 200 OK\r\n\r\nmedia');
    });
    const first = await serve((message, response) => {
      seen.push(message.headers.via ?? 'none');
      response.writeHead(302, { location: `${odd}/b.ts` }).end();
    });
    const source = `${first.origin}/a.ts`;
    (await openUpstream(request(source, guard))).body.destroy();
    expect(seen).toEqual(Array.from({ length: 3 }, () => guard.marker.via(new URL(source))));
  });

  it('tells a 508 of our own, which is final, from what other servers mean by it', async () => {
    const guard = openGuard();
    const answering = async (via: string) =>
      (await serve((_, response) => response.writeHead(508, { via }).end())).origin;
    await expect(openUpstream(request(await answering(guard.marker.own), guard))).rejects.toMatchObject({
      status: 502,
      reason: 'loop',
      message: expect.stringContaining('leads back to this proxy'),
    });
    const other = await openUpstream(request(await answering('1.1 streampool-0000000000000000'), guard));
    other.body.destroy();
    expect(other.status).toBe(508);
  });
});
