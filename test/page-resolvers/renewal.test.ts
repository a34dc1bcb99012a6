/** Addresses that stop working: a page is asked again at once when one is refused, and before one ends that says when. */
import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { decodeErrors } from '../support/judge/index.ts';
import { Page, pageProgram } from '../support/page-program.ts';
import { allPlaying, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import { serve } from '../unit/upstream/support.ts';

/** Programs in Python take seconds to begin, on a busy machine more. */
const PYTHON_MS = 60_000;

/** As long as an address of the page works; the worker renews it a minute after it was found, at the earliest. */
const WORKS_SECONDS = 75;

/** Live HLS below `/1/`, `/2/`, and so on, until each is over. */
async function addresses(stage: Stage) {
  const files = await startFileSource();
  stage.closeAfter(() => files.close());
  const over = new Map<string, { readonly status: number; readonly what: RegExp }>();
  const refused: string[] = [];
  const server = await serve(async (request, response) => {
    const [, number = '', name = ''] = /^\/(\d+)\/([^?]*)/.exec(request.url ?? '') ?? [];
    const end = over.get(number);
    if (end?.what.test(name) === true) {
      refused.push(request.url ?? '');
      response.writeHead(end.status).end();
      return;
    }
    const { status, body, headers } = await fetch(`${files.origin}/hls/${name}`);
    response.writeHead(status, { 'content-type': headers.get('content-type') ?? '' });
    if (body === null) response.end();
    else Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]).pipe(response);
  });
  const asked = (number: number) => server.requests.filter(({ url }) => url?.startsWith(`/${number}/seg`)).length;
  return { origin: server.origin, over, refused, asked };
}

/** What the record of events says of the moves of a stream. */
async function told(worker: Worker, id: string) {
  let events: readonly { readonly data: unknown }[] = [];
  const find = async () => {
    const { body } = await worker.api.get<{ events: typeof events }>(`/events?type=failover_triggered&stream_id=${id}`);
    events = body.events;
    return events.length > 0;
  };
  await until(find, { what: 'the event of the move' });
  return events.map(({ data }) => data);
}

describe('the address of a page', () => {
  staged.for([
    ['playlist and segments', 403, /./],
    ['segments alone', 410, /^seg/],
    ['the playlist alone', 401, /m3u8$/],
  ] as const)('is replaced when the server refuses %s with %i', async ([, status, what], { stage }) => {
    const { origin, over, asked } = await addresses(stage);
    const worker = await stage.worker({ YTDLP_PATH: await pageProgram(stage) });
    const page = await Page.open(stage, (n) => ({ url: `${origin}/${n}/live.m3u8`, protocol: 'm3u8_native' }));
    const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: page.url, resolver: 'ytdlp' });
    const viewer = stage.viewer(playUrl);
    await allPlaying([viewer], PYTHON_MS);
    over.set('1', { status, what });
    await until(() => asked(2) > 1, { what: 'media of the second address', timeoutMs: PYTHON_MS });
    const { byteCount } = viewer;
    await until(() => viewer.byteCount > byteCount + 100_000, { what: 'more media', timeoutMs: PYTHON_MS });
    expect(page.asked).toBe(2);
    expect(await told(worker, id)).toMatchObject([{ reason: 'address_refused', failover_index: -1, page: 'ytdlp' }]);
    const { endedBy, bytes } = await viewer.stop();
    expect(endedBy).not.toBe('end');
    expect(await decodeErrors(bytes)).toEqual([]);
  });

  staged(
    'is replaced before it ends, while it still plays',
    { timeout: 4 * WORKS_SECONDS * 1000 },
    async ({ stage }) => {
      const { origin, over, refused, asked } = await addresses(stage);
      const worker = await stage.worker({ YTDLP_PATH: await pageProgram(stage) });
      const page = await Page.open(stage, (n) => {
        const endsS = Math.floor(Date.now() / 1000) + WORKS_SECONDS;
        const timer = setTimeout(() => over.set(String(n), { status: 403, what: /./ }), WORKS_SECONDS * 1000);
        stage.closeAfter(async () => clearTimeout(timer));
        return { url: `${origin}/${n}/live.m3u8?expires=${endsS}`, protocol: 'm3u8_native' };
      });
      const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: page.url, resolver: 'ytdlp' });
      const viewer = stage.viewer(playUrl);
      await allPlaying([viewer], PYTHON_MS);
      await until(() => over.has('1'), { what: 'the first address to end', timeoutMs: 2 * WORKS_SECONDS * 1000 });
      expect([page.asked, asked(2) > 0]).toEqual([2, true]);
      const { byteCount } = viewer;
      await until(() => viewer.byteCount > byteCount + 100_000, { what: 'more media', timeoutMs: PYTHON_MS });
      expect(refused).toEqual([]);
      expect(await told(worker, id)).toMatchObject([{ reason: 'address_expires', page: 'ytdlp' }]);
      expect(await decodeErrors((await viewer.stop()).bytes)).toEqual([]);
    },
  );
});
