/**
 * Whatever is asked of the API, the answer is no fault of the worker, comes in time, and tells nobody's secrets; nor does the
 * log. Fifteen seconds here; `npm run test:fuzz` goes on for ten minutes, and `TEST_SEED=…` repeats a run from that request on.
 */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../../services/proxy/src/config/config.ts';
import { hostileRequest, type Known, type Route, routesOf } from '../../support/fuzz/hostile-requests.ts';
import { bodyOf, exchange, type RawAnswer } from '../../support/fuzz/raw-exchange.ts';
import { seeded, TEST_SEED } from '../../support/seed.ts';
import { startApi, type TestApi } from '../api/support.ts';
import { packets, serve, type TestServer } from '../upstream/support.ts';

const SECONDS = Number(process.env.STREAMPOOL_FUZZ_SECONDS) || 15;
const AT_ONCE = 6;
const BATCH = 60;
/** A busy machine may take a while; a request that nobody answers takes for ever. */
const ANSWER_MS = 15_000;
/** Media may go on for longer; that it begins is enough. */
const BODY_MS = 400;
const NO_FAILOVER_LEFT = 'Failover failed - no working failover URLs available';
/** Of one batch. */
const SHOWN_FAULTS = 4;

const TOKEN = 'mkapitoken0123456789';
/** Of a provider, in URLs: whoever has the API token sees them. */
const URL_SECRETS = ['mkuser', 'mkpass', 'mkquery', 'mkbackup', 'mkresolver', 'mkredirect'];
/** In headers: nobody sees them. */
const HEADER_SECRETS = ['mkbearer', 'mkcookie'];

const MODES: readonly (readonly [string, Environment])[] = [
  ['open', {}],
  ['with a token', { API_TOKEN: TOKEN }],
  ['with signed playback', { API_TOKEN: TOKEN, PLAYBACK_AUTH: 'signed', SHARE_DIRECT_STREAMS: 'true' }],
];

/** A provider that answers at once and tells all it was told. */
function provider(): Promise<TestServer> {
  return serve((request, response) => {
    const { url = '/', headers, method } = request;
    const told = `${method} ${url}\n${JSON.stringify(headers)}`;
    request.resume();
    if (url.includes('404')) response.writeHead(404).end(told);
    else if (url.includes('redirect')) {
      response.writeHead(302, { location: '/live/mkredirect/mkredirect/404.ts?token=mkredirect' }).end(told);
    } else if (url.includes('resolve')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ url: `http://mkresolver:x@${headers.host}/404` }));
    } else if (url.includes('text')) response.writeHead(200, { 'content-type': 'text/html' }).end(told);
    else if (url.includes('.m3u8')) {
      response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' });
      response.end('#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts?token=mkquery\n');
    } else if (url.includes('.mp4')) {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': '4000' }).end(Buffer.alloc(4000));
    } else response.writeHead(200, { 'content-type': 'video/mp2t' }).end(packets(40));
  });
}

/** Streams of somebody else, with credentials wherever a stream may have some. */
async function store(api: TestApi, origin: string): Promise<string[]> {
  const at = (path: string) => `${origin.replace('://', '://mkuser:mkpass@')}${path}?token=mkquery`;
  const order = (path: string) => ({
    url: at(path),
    failover_urls: [at('/live/mkbackup/mkbackup/404.ts')],
    failover_resolver_url: `${origin}/resolve?token=mkresolver`,
    headers: { Authorization: 'Bearer mkbearer', Cookie: 'session=mkcookie' },
    metadata: { playlist_uuid: 'p', id: '1' },
  });
  const token = { 'x-api-token': TOKEN };
  const answers = [
    await api.post('/streams', order('/live/mkuser/mkpass/1.ts'), token),
    await api.post('/streams', order('/live/mkuser/mkpass/404.ts'), token),
    await api.post('/streams', order('/live/mkuser/mkpass/redirect.ts'), token),
    await api.post('/streams', order('/movie/mkuser/mkpass/1.mp4'), token),
    await api.post('/transcode', order('/live/mkuser/mkpass/404/1.ts'), token),
    await api.post('/transcode', { ...order('/live/mkuser/mkpass/404/2.ts'), output_format: 'hls' }, token),
  ];
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  return answers.map(({ body }) => String(body.stream_id));
}

class Target {
  readonly mode: string;
  readonly api: TestApi;
  readonly port: number;
  readonly #provider: TestServer;
  ids: string[] = [];
  #seenLines = 0;

  private constructor(mode: string, api: TestApi, port: number, provider: TestServer) {
    this.mode = mode;
    this.api = api;
    this.port = port;
    this.#provider = provider;
  }

  static async start([mode, env]: (typeof MODES)[number], provider: TestServer): Promise<Target> {
    const api = await startApi({ API_RATE_LIMIT: '0', MAX_STREAMS: '500', MAX_PROCESSES: '1', ...env });
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    return new Target(mode, api, (api.app.server.address() as AddressInfo).port, provider);
  }

  get known(): Known {
    const own = `http://127.0.0.1:${this.port}/stream/${this.ids[0] ?? ''}?x=`;
    return { ids: this.ids, origins: [`${this.#provider.origin}/`, `${this.#provider.origin}/`, own], token: TOKEN };
  }

  /** Only what was there at the beginning is there again. */
  async restore(): Promise<void> {
    const { registry } = this.api.services;
    for (const { id } of await registry.streams()) await registry.deleteStream(id);
    this.ids = await store(this.api, this.#provider.origin);
  }

  /** Which secrets an answer must not have. */
  secretsFrom(request: Buffer): string[] {
    const mayRead =
      this.mode !== 'open' && (request.includes(`X-API-Token: ${TOKEN}\r\n`) || request.includes(`api_token=${TOKEN}`));
    return mayRead ? [TOKEN, ...HEADER_SECRETS] : [TOKEN, ...HEADER_SECRETS, ...URL_SECRETS];
  }

  /** What the log says that it should not, since the last time. */
  newFaults(): string[] {
    const lines = this.api.logged.slice(this.#seenLines);
    this.#seenLines = this.api.logged.length;
    const secrets = [TOKEN, ...HEADER_SECRETS, ...URL_SECRETS];
    return lines.filter((line) => {
      const { level } = JSON.parse(line) as { level: string };
      return level === 'error' || level === 'fatal' || secrets.some((secret) => line.includes(secret));
    });
  }
}

/** What is wrong with an answer; undefined when nothing is. */
function faultOf(
  answer: RawAnswer,
  malformed: boolean,
  method: string,
  secrets: readonly string[],
): string | undefined {
  const { status, headers, end, text } = answer;
  if (end === 'silent') return 'no answer came';
  if (status === undefined)
    return malformed || method === 'CONNECT' ? undefined : 'the connection was closed without one';
  // The one that clients of m3u-proxy know.
  if (status === 500 && !text.includes(NO_FAILOVER_LEFT)) return 'a fault of the worker';
  const told = secrets.filter((secret) => text.includes(secret));
  const [first] = told;
  if (first !== undefined)
    return `it tells ${told}: …${text.slice(Math.max(0, text.indexOf(first) - 150), text.indexOf(first) + 80)}…`;
  if (end === 'cut' && !(headers['content-type'] ?? '').startsWith('video/')) return 'it has no end';
  if (end !== 'complete' || method === 'HEAD' || headers['content-type']?.includes('json') !== true) return undefined;
  try {
    const body: unknown = JSON.parse(bodyOf(answer));
    return status >= 400 && !(body instanceof Object && 'detail' in body) ? 'it does not say what is wrong' : undefined;
  } catch {
    return 'it is not the JSON that it says it is';
  }
}

describe(`hostile requests for ${SECONDS} s (TEST_SEED=${TEST_SEED})`, () => {
  const rejected: unknown[] = [];
  const note = (reason: unknown) => void rejected.push(reason);
  beforeAll(() => void process.on('unhandledRejection', note));
  afterAll(() => void process.off('unhandledRejection', note));

  it('are answered, and never with a fault, a secret or silence', { timeout: SECONDS * 1_000 + 60_000 }, async () => {
    const source = await provider();
    const targets: Target[] = [];
    for (const mode of MODES) targets.push(await Target.start(mode, source));
    const routes: Route[] = routesOf(targets[0]?.api.app.swagger().paths ?? {});
    expect(routes.length).toBeGreaterThan(40);
    const counts = new Map<number | undefined, number>();
    const asked = new Set<string>();
    const endMs = performance.now() + SECONDS * 1_000;
    let next = TEST_SEED;
    const faults: string[] = [];

    const ask = async (seed: number) => {
      const target = targets[seed % targets.length] as Target;
      const request = hostileRequest(seeded(seed), routes, target.known);
      const { bytes, malformed, halfClose, method } = request;
      const options = { halfClose, timeoutMs: ANSWER_MS, bodyMs: BODY_MS, isHead: method === 'HEAD' };
      const answer = await exchange(target.port, bytes, options);
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      asked.add(request.route);
      const fault = faultOf(answer, malformed, method, target.secretsFrom(bytes));
      if (fault === undefined) return;
      const shown = bytes.subarray(0, 1_500).toString('latin1');
      faults.push(
        `TEST_SEED=${seed}, ${target.mode}: ${fault}\n${shown}\n\nthe answer:\n${answer.text.slice(0, 800)}\n`,
      );
    };

    while (performance.now() < endMs) {
      const first = next;
      const until = first + BATCH;
      for (const target of targets) await target.restore();
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < until) await ask(next++);
        }),
      );
      const what = `TEST_SEED=${first} to ${until - 1}`;
      expect(faults.slice(0, SHOWN_FAULTS).join('\n')).toBe('');
      expect(rejected, `${what}: promises that nobody waits for`).toEqual([]);
      for (const target of targets) {
        expect(target.newFaults(), `${what}: the log, ${target.mode}`).toEqual([]);
        expect((await target.api.get('/livez')).status, what).toBe(200);
      }
    }
    const sorted = [...counts]
      .sort(([a = 0], [b = 0]) => a - b)
      .map(([status, count]) => `${status ?? 'closed'}: ${count}`);
    console.log(`${next - TEST_SEED} requests (${sorted.join(', ')})`);
    if (next - TEST_SEED > 1_000)
      expect(routes.map(({ method, path }) => `${method} ${path}`).filter((each) => !asked.has(each))).toEqual([]);
  });
});
