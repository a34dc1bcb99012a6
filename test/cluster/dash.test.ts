// DASH sources through two workers, whose requests reach them in turn: FFmpeg gets what it gets from the provider, and that is asked once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { BEGUN_SECONDS, DASH_FORMS, DASH_SECONDS, startDashProvider } from '../support/dash-provider.ts';
import type { HlsProvider } from '../support/hls-provider.ts';
import { packetHashes } from '../support/packet-hashes.ts';
import { type Balancer, startRoundRobin } from '../support/round-robin.ts';
import type { Worker } from '../support/worker.ts';

let provider: HlsProvider;
let cluster: TestCluster;
let balancer: Balancer;

beforeAll(async () => {
  [provider, cluster] = await Promise.all([startDashProvider(), startCluster(2, { DRAIN_TIMEOUT: '1' })]);
  balancer = await startRoundRobin(cluster.workers);
});
afterAll(async () => {
  await balancer?.close();
  await cluster?.stop();
  await provider?.close();
});

const first = () => cluster.workers[0] as Worker;

async function entryOf(path: string): Promise<{ entry: string; id: string }> {
  const { stream_id: id, stream_endpoint: endpoint } = await first().api.createStream({ url: provider.origin + path });
  return { id, entry: balancer.url + endpoint };
}

/** How often each of its segments was asked of the provider, beyond once. */
function repeated(folder: string): string[] {
  const media = provider.asked.filter(({ path }) => path.startsWith(`/${folder}/`) && !path.endsWith('.mpd'));
  const names = media.map(({ path, headers }) => `${path} ${headers.range ?? ''}`);
  return names.filter((name, at) => names.indexOf(name) !== at);
}

describe('FFmpeg gets the same packets through two workers as from the provider', () => {
  it.each([...DASH_FORMS, 'moved', 'shared'])('a film: %s', async (form) => {
    // FFmpeg itself does not take addresses from behind a redirect.
    const folder = form === 'moved' || form === 'shared' ? 'numbers' : form;
    const direct = await packetHashes(`${provider.origin}/${folder}/index.mpd`);
    expect(direct.packets.length).toBeGreaterThan(25 * (DASH_SECONDS - 1));
    provider.asked.length = 0;
    const { entry } = await entryOf(`/${form}/index.mpd`);
    const [one, two] = await Promise.all([packetHashes(entry), packetHashes(entry)]);
    expect(one.packets).toEqual(direct.packets);
    expect(two.packets).toEqual(direct.packets);
    // By durations alone FFmpeg looks for one more, which is not there.
    expect(repeated(folder).filter((name) => !name.includes('00005'))).toEqual([]);
  });

  it('a live source, as one viewer each', async () => {
    // FFmpeg loads the manifest anew for each segment, and asks by their numbers for two that are not in it yet.
    const SECONDS = BEGUN_SECONDS + 4;
    const before = await Promise.all(cluster.workers.map(fetchedBy));
    const { entry, id } = await entryOf('/live/index.mpd');
    const [one, two] = await Promise.all([
      packetHashes(`${entry}?client_id=ann`, SECONDS),
      packetHashes(`${entry}?client_id=bob`, SECONDS),
    ]);
    const { clients } = (await first().api.get<{ clients: Listed[] }>('/clients')).body;
    const watching = clients.flatMap(({ stream_id, client_id }) => (stream_id === id ? [client_id] : []));
    expect(watching.toSorted()).toEqual(['ann', 'bob']);
    for (const { packets } of [one, two]) {
      expect(packets.filter((line) => line.startsWith('0,')).length).toBeGreaterThan(25 * (SECONDS - 1));
      expect(new Set(packets).size).toBe(packets.length);
    }
    expect(one.packets).toEqual(two.packets);
    expect(repeated('live')).toEqual([]);
    // One of them asks the provider, for its own players and for those of the other one.
    const fetched = await Promise.all(cluster.workers.map(fetchedBy));
    expect(fetched.filter((count, at) => count > (before[at] ?? 0))).toHaveLength(1);
  });
});

it('sends players on where only its first bytes show that a source is DASH', async () => {
  const direct = await packetHashes(`${provider.origin}/numbers/index.mpd`);
  const { entry, id } = await entryOf('/unnamed/channel');
  const [one, two] = cluster.workers as [Worker, Worker];
  expect(entry).toContain(`/stream/${id}`);
  const hls = await one.api.get<{ detail: string }>(`/hls/${id}/playlist.m3u8`);
  expect([hls.status, hls.body.detail]).toEqual([422, expect.stringContaining(`/dash/${id}/manifest.mpd`)]);
  // FFmpeg itself does not take addresses from behind a redirect.
  const { status, headers } = await fetch(entry, { redirect: 'manual' });
  expect(status).toBe(302);
  const manifest = new URL(headers.get('location') ?? '', entry).href;
  expect((await packetHashes(manifest)).packets).toEqual(direct.packets);
  const types = await Promise.all(
    [one, two].map(async ({ api }) => (await api.get<{ stream: { stream_type: string } }>(`/streams/${id}`)).body),
  );
  expect(types.map(({ stream }) => stream.stream_type)).toEqual(['DASH', 'DASH']);
});

interface Listed {
  readonly stream_id: string;
  readonly client_id: string;
}

/** How much media a worker has fetched from others. */
async function fetchedBy(worker: Worker): Promise<number> {
  const metrics = await (await fetch(`${worker.url}/metrics`)).text();
  return Number(/^streampool_hls_segments_fetched_total (\d+)$/m.exec(metrics)?.[1]);
}
