/** What the relay port answers to those who know the secret, and to those who mean somebody else. */
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../../services/proxy/src/log.ts';
import { RelayServer } from '../../../services/proxy/src/pool/relay-server.ts';

async function listen() {
  const asked: string[] = [];
  const server = new RelayServer({
    incarnation: 'now',
    secret: () => 'secret',
    find: async (key) => {
      asked.push(key);
      return undefined;
    },
    prepare: async () => true,
    offer: () => undefined,
    log: createLogger('fatal'),
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  const call = async (path: string, headers: Record<string, string>) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: 'Bearer secret', connection: 'close', ...headers },
    });
    return { status: answer.status, incarnation: answer.headers.get('x-incarnation') };
  };
  return { asked, call };
}

it('looks for a feed only when it is the worker that was meant: another one may have had its address', async () => {
  const { asked, call } = await listen();
  const headers = { 'x-worker': '{}' };
  expect(await call('/feeds/p:a:0', { ...headers, 'x-incarnation': 'before' })).toEqual({
    status: 409,
    incarnation: 'now',
  });
  expect(asked).toEqual([]);
  expect(await call('/feeds/p:a:0', { ...headers, 'x-incarnation': 'now' })).toEqual({
    status: 404,
    incarnation: 'now',
  });
  expect(asked).toEqual(['p:a:0']);
});

it('says who it is, but not to strangers', async () => {
  const { call } = await listen();
  expect(await call('/ping', {})).toEqual({ status: 200, incarnation: 'now' });
  expect(await call('/ping', { authorization: 'Bearer wrong' })).toEqual({ status: 403, incarnation: null });
});
