/**
 * Page resolvers in the real sandbox: a hostile one reaches nothing and keeps nothing, and what another one answers plays. `npm run
 * test:page-resolvers` has streamlink and yt-dlp themselves.
 */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { BroadcastClient, RECORDING, stretchesOf } from '../support/broadcast-client.ts';
import { startFileSource } from '../support/file-source.ts';
import { FINITE_SECONDS, SOUND_SECONDS } from '../support/fixtures.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { countRunning, Page, pageProgram, pipingProgram, programFile } from '../support/page-program.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { serve } from '../unit/upstream/support.ts';

/** What a hostile program tries; it answers as yt-dlp does, with what it could do in place of a title. */
const HOSTILE = `#!/usr/bin/python3
import json, os, socket, sys
if '--version' in sys.argv:
    print('2026.01.01')
    sys.exit(0)
settings = sys.stdin.read()
port = int(settings.split("'")[3].split('port=')[1].split('&')[0])
def tried(what):
    try:
        return str(what())
    except BaseException as error:
        return 'refused: ' + type(error).__name__
def direct():
    # It ignores every proxy that it was told of.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(3)
    made.connect(('127.0.0.1', port))
    made.sendall(b'GET /direct HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    return made.recv(100)
def write(path):
    with open(path, 'w') as file:
        file.write('x')
    return 'written'
print(json.dumps({
    'url': 'http://127.0.0.1:%d/media.ts' % port,
    'protocol': 'http',
    'did': {
        'direct': tried(direct),
        'udp': tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        'unix': tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)),
        'passwd': tried(lambda: open('/etc/passwd').read()),
        'worker': tried(lambda: open('/proc/%d/environ' % os.getppid()).read()),
        'written': tried(lambda: write('/tmp/streampool-page-attack')),
        'memory': tried(lambda: len(bytearray(4 << 30))),
        'environment': ' '.join(sorted(os.environ)),
        'arguments': ' '.join(sys.argv),
    },
}))
`;

/** Files of programs, of every worker on this machine. */
const kept = () => readdirSync('/dev/shm').filter((name) => name.startsWith('streampool-'));

staged(
  'a hostile program reaches nothing but the gateway, reads and writes no file, and has nothing of the worker',
  async ({ stage }) => {
    const before = kept();
    const program = await programFile(stage, HOSTILE);
    const folder = dirname(program);
    const worker = await stage.worker({ YTDLP_PATH: program, API_TOKEN: 'worker-secret', COOKIES_DIR: folder });
    const server = await serve((_request, response) => response.end('reached'));
    await writeFile(join(folder, 'cookies.txt'), '.tv.test\tTRUE\t/\tTRUE\t0\tid\tcookie-secret\n');
    const { status, body } = await worker.api.post<{ did: Record<string, string> }>('/ytdlp/metadata', {
      url: `${server.origin}/page?port=${server.port}&token=page-secret`,
      cookies_path: 'cookies.txt',
    });
    expect(status).toBe(200);
    const { did } = body;
    expect(server.requests).toEqual([]);
    // The gateway answers in place of the server, and knows no such page.
    expect(did.direct).not.toContain('reached');
    for (const what of ['udp', 'unix', 'passwd', 'worker', 'written', 'memory']) expect(did[what]).toMatch(/^refused/);
    expect(did.environment).toBe('HOME LC_ALL PATH PYTHONDONTWRITEBYTECODE PYTHONNOUSERSITE YTDLP_NO_PLUGINS no_proxy');
    expect(JSON.stringify(did)).not.toMatch(/secret/);
    await until(() => kept().every((name) => before.includes(name)), { what: 'no file of the program' });
    expect(worker.output).not.toMatch(/page-secret|cookie-secret/);
  },
);

staged('pictures and sound that a page has apart play together', async ({ stage }) => {
  const worker = await stage.worker({ YTDLP_PATH: await pageProgram(stage) });
  const films = await startFileSource();
  stage.closeAfter(() => films.close());
  // The file with the pictures has 20 s of sound, too, and the other one 8 s.
  const parts = [films.url('movie.mp4'), films.url('sound-ends.mkv')];
  const page = await Page.open(stage, () => ({ requested_formats: parts.map((url) => ({ url, protocol: 'http' })) }));
  const { playUrl } = await worker.api.createTranscode({ url: page.url, resolver: 'ytdlp' });
  const { status, endedBy, bytes } = await stage.viewer(playUrl).done;
  expect([status, endedBy, page.asked]).toEqual([200, 'end', 1]);
  const { video, audio } = judgeTs(bytes);
  expect(video?.pesCount).toBe(FINITE_SECONDS * 25);
  const soundSeconds = ((audio?.audioFrames ?? 0) * (audio?.audioFrameTicks ?? 0)) / 90_000;
  expect(soundSeconds).toBeCloseTo(SOUND_SECONDS, 0);
  expect(await decodeErrors(bytes)).toEqual([]);
});

staged('a page is asked once for a recording and viewers, and again when its media answers 403', async ({ stage }) => {
  const worker = await stage.worker({ YTDLP_PATH: await pageProgram(stage), HLS_SEGMENT_TIME: '1' });
  const join = { fixture: 'bframes', join: 'keyframe', burstSeconds: 3 } as const;
  const source = await stage.source({ ...join, channels: { '/first.ts': {}, '/second.ts': {} } });
  const page = await Page.open(stage, (asked) => ({
    url: `${source.origin}/${asked === 1 ? 'first' : 'second'}.ts`,
    http_headers: { 'X-Asked': String(asked) },
  }));
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: page.url, resolver: 'ytdlp' });
  const recording = new BroadcastClient('7a21');
  await recording.start(worker, { ...RECORDING, stream_url: `http://tv.test/stream/${id}` });
  await recording.listed(worker, 1);
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  expect(page.asked).toBe(1);
  await source.channel('/first.ts').status(403);
  await source.channel('/first.ts').cutConnections();
  await until(async () => (await source.channel('/second.ts').stats()).mediaSeconds > 2, {
    what: 'the second address',
  });
  const count = (await recording.listed(worker, 1)) + 4;
  await recording.listed(worker, count);
  const { bytes } = await viewer.stop();
  expect(page.asked).toBe(2);
  expectClean(judgeTs(bytes), { video: true, audio: true, maxGapMs: 12_000 });
  expect(await decodeErrors(bytes)).toEqual([]);
  await recording.stop(worker);
  const segments = await recording.download(worker);
  expect(segments.map(({ n }) => n)).toEqual(segments.map((_, at) => at));
  const stretches = stretchesOf(segments);
  // The second address begins with the last 3 s, which may be all that came since the first one was refused.
  expect(stretches.length).toBeLessThanOrEqual(2);
  for (const stretch of stretches)
    expect(await decodeErrors(Buffer.concat(stretch.map((each) => each.bytes)))).toEqual([]);
  const { connections } = await source.channel('/second.ts').stats();
  expect(connections.map(({ headers }) => headers['x-asked'])).toEqual(['2']);
});

staged(
  'media without an address comes out of the program, once for all, and the program ends with it',
  async ({ stage }) => {
    const files = kept();
    const program = await pipingProgram(stage);
    const worker = await stage.worker({ STREAMLINK_PATH: program, SHARED_STREAM_GRACE: '1' });
    const source = await stage.source();
    const { playUrl } = await worker.api.createTranscode({ url: source.url, resolver: 'streamlink' });
    const viewers = stage.viewers(2, playUrl);
    await allPlaying(viewers);
    // The program, and what it has started.
    expect(countRunning(worker, program)).toBe(2);
    expect((await source.account()).maxConcurrent).toBe(1);
    // It ends, and another one goes on.
    await source.cutConnections();
    await until(async () => (await source.account()).total === 2, { what: 'the next program' });
    const before = viewers.map(({ byteCount }) => byteCount);
    await until(() => viewers.every(({ byteCount }, at) => byteCount > (before[at] ?? 0) + 100_000), {
      what: 'more media',
    });
    expect(countRunning(worker, program)).toBe(2);
    const [recording] = await Promise.all(viewers.map((viewer) => viewer.stop()));
    expect(await decodeErrors(recording?.bytes ?? Buffer.alloc(0))).toEqual([]);
    await until(() => countRunning(worker, program) === 0, { what: 'no program' });
    await until(() => kept().every((name) => files.includes(name)), { what: 'no file of the program' });
    // Nothing is left of it when the worker dies, either.
    await allPlaying([stage.viewer(playUrl)]);
    expect(countRunning(worker, program)).toBe(2);
    await worker.kill();
    await until(() => countRunning(worker, program) === 0, { what: 'no program' });
    await until(() => kept().every((name) => files.includes(name)), { what: 'no file of the program' });
  },
);
