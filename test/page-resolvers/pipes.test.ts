/** streamlink puts out itself what has no address that a worker could play: DASH, and the streams of plug-ins. */
import { describe, expect } from 'vitest';
import { emptyCluster, startWorkers } from '../support/cluster.ts';
import { startDashProvider } from '../support/dash-provider.ts';
import { decodeErrors, judgeTs } from '../support/judge/index.ts';
import { programFile } from '../support/page-program.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** Programs in Python take seconds to begin, on a busy machine more. */
const PYTHON_MS = 60_000;

/** Debian's streamlink with a plug-in more, whose stream cannot be translated to a URL. It finds the media in the query of its page. */
const WITH_PLUGIN = `#!/usr/bin/python3
import re, sys
from streamlink import Streamlink
from streamlink.plugin import Plugin, pluginmatcher
from streamlink.stream.http import HTTPStream
from streamlink.stream.stream import Stream
from streamlink.stream.wrappers import StreamIOWrapper
from streamlink_cli.main import main

class OwnStream(Stream):
    __shortname__ = 'own'
    def __init__(self, session, url):
        super().__init__(session)
        self.url = url
    def open(self):
        return HTTPStream(self.session, self.url).open()

@pluginmatcher(re.compile(r'http://[^/]+/own\\?(?P<media>.+)'))
class OwnPlugin(Plugin):
    def _get_streams(self):
        return {'live': OwnStream(self.session, self.match.group('media'))}

OwnPlugin.module = 'own'
load = Streamlink.load_builtin_plugins
def load_more(self):
    load(self)
    self.plugins['own'] = OwnPlugin
Streamlink.load_builtin_plugins = load_more
sys.exit(main())
`;

/** What runs of streamlink on a worker, by what its command lines contain. */
const running = (worker: Worker, text: string) =>
  worker.descendants().filter(({ args }) => args.some((arg) => arg.includes(text)) && !args[0]?.endsWith('sandbox'));
const pipes = (worker: Worker) => running(worker, '--stdout');
/** The FFmpeg that streamlink has started. */
const muxers = (worker: Worker) => running(worker, 'streamlinkpipe');

describe('the pipe of streamlink', () => {
  staged('plays live DASH, one streamlink for all viewers of two workers', async ({ stage }) => {
    const provider = await startDashProvider();
    stage.closeAfter(() => provider.close());
    const cluster = await emptyCluster({ SHARED_STREAM_GRACE: '1' });
    stage.closeAfter(() => cluster.stop());
    await startWorkers(cluster, 2);
    const [one, two] = cluster.workers as [Worker, Worker];
    const url = `${provider.origin.replace('://', '://anna:secret-word@')}/live/index.mpd`;
    const order = { url, resolver: 'streamlink', resolver_args: 'best' };
    const { playUrl, stream_endpoint: path } = await one.api.createTranscode(order);
    const viewers = [stage.viewer(playUrl), stage.viewer(two.url + path), stage.viewer(two.url + path)];
    await allPlaying(viewers, PYTHON_MS);
    expect([...pipes(one), ...pipes(two)]).toHaveLength(1);
    expect([...muxers(one), ...muxers(two)]).toHaveLength(1);
    for (const { args } of [...one.descendants(), ...two.descendants()])
      expect(args.join(' ')).not.toContain('secret-word');
    await until(() => viewers.every(({ byteCount }) => byteCount > 300_000), {
      what: 'pictures and sound',
      timeoutMs: PYTHON_MS,
    });
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const { bytes } of recordings) {
      const { video, audio } = judgeTs(bytes);
      expect([video?.pesCount, audio?.pesCount].every((count) => (count ?? 0) > 0)).toBe(true);
      expect(await decodeErrors(bytes)).toEqual([]);
    }
    const left = () => [one, two].flatMap((worker) => [...pipes(worker), ...muxers(worker)]);
    await until(() => left().length === 0, { what: 'no streamlink', timeoutMs: PYTHON_MS });
  });

  staged(
    'goes on with another streamlink when one ends, and leaves nothing when its worker is killed',
    async ({ stage }) => {
      const provider = await startDashProvider();
      stage.closeAfter(() => provider.close());
      const worker = await stage.worker();
      const order = { url: `${provider.origin}/live/index.mpd`, resolver: 'streamlink' };
      const { playUrl } = await worker.api.createTranscode(order);
      const viewer = stage.viewer(playUrl);
      await allPlaying([viewer], PYTHON_MS);
      const [first] = pipes(worker);
      process.kill(first?.pid ?? 0, 'SIGKILL');
      await until(() => pipes(worker).some(({ pid }) => pid !== first?.pid), {
        what: 'another streamlink',
        timeoutMs: PYTHON_MS,
      });
      const { byteCount } = viewer;
      await until(() => viewer.byteCount > byteCount + 300_000, { what: 'more media', timeoutMs: PYTHON_MS });
      expect(muxers(worker)).toHaveLength(1);
      await worker.kill();
      await until(() => pipes(worker).length + muxers(worker).length === 0, {
        what: 'nothing of streamlink',
        timeoutMs: PYTHON_MS,
      });
      expect(await decodeErrors((await viewer.stop()).bytes)).toEqual([]);
    },
  );

  staged('plays the stream of a plug-in that has no address', async ({ stage }) => {
    const worker = await stage.worker({ STREAMLINK_PATH: await programFile(stage, WITH_PLUGIN) });
    const source = await stage.source();
    const { playUrl } = await worker.api.createTranscode({
      url: `${new URL(source.url).origin}/own?${source.url}`,
      resolver: 'streamlink',
      resolver_args: 'live',
    });
    const viewers = stage.viewers(2, playUrl);
    await allPlaying(viewers, PYTHON_MS);
    expect(await source.account()).toMatchObject({ open: 1, maxConcurrent: 1 });
    const [recording] = await Promise.all(viewers.map((viewer) => viewer.stop()));
    expect(await decodeErrors(recording?.bytes ?? Buffer.alloc(0))).toEqual([]);
  });
});
