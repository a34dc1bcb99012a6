// The page of one stream and the table of viewers as they are drawn, without a browser.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StreamRow, ViewerRow } from '../../../services/shared/console/lists.ts';
import type { OneStream } from '../../../services/shared/console/one-stream.ts';
import { browser, drawing, HOSTILE, kept, text } from './support.ts';

browser('/console/stream?id=s1');
let live: typeof import('../../../services/console/src/live/live.ts');
let pages: {
  OneStream: typeof import('../../../services/console/src/streams/one-stream.tsx').OneStream;
  ViewerTable: typeof import('../../../services/console/src/viewers/viewer-table.tsx').ViewerTable;
  StreamTable: typeof import('../../../services/console/src/streams/stream-table.tsx').StreamTable;
};

beforeAll(async () => {
  live = await import('../../../services/console/src/live/live.ts');
  pages = {
    ...(await import('../../../services/console/src/streams/one-stream.tsx')),
    ...(await import('../../../services/console/src/streams/stream-table.tsx')),
    ...(await import('../../../services/console/src/viewers/viewer-table.tsx')),
  };
});

beforeEach(() => {
  live.state.value = undefined;
  kept.clear();
});

const ABOUT = { workerId: 'worker-1', version: '0.1.0', workers: 3 };
const STREAM: OneStream = {
  ...{ name: 'BBC One', viewers: 6, profile: '720p', speed: 1, sourceHost: 'backup.example', backup: 1 },
  ...{ owner: 'worker-2', bitsPerSecond: 2_600_000, sinceMs: Date.UTC(2026, 10, 29, 16) },
  ...{ state: 'playing', type: 'Transcoding', arguments: '-c:v libx264', source: 'http://provider.example/***/1.ts' },
  ...{ backups: ['http://backup.example/1.ts', 'http://last.example/1.ts'], failovers: 1 },
  ...{
    failedOverMs: Date.UTC(2026, 10, 29, 17),
    userAgent: 'Box',
    headers: { Referer: 'x' },
    metadata: { group: 'News' },
  },
  ...{ createdAtMs: 0, bytesServed: 12_000_000, errors: 0, connections: 1 },
  slots: [
    { slot: 0, viewers: 6, worker: 'worker-2', epoch: Date.UTC(2026, 10, 29, 17, 5), relays: ['worker-1', 'worker-3'] },
  ],
};

function page(stream: Partial<OneStream> = {}): string {
  live.state.value = { about: ABOUT, stream: { ...STREAM, ...stream } };
  return drawing(pages.OneStream, {});
}

describe('the page of one stream', () => {
  it('says what it is, which source plays, and who makes it', () => {
    const html = page();
    const shown = text(html);
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(shown).toMatch(/BBC One .*plays .*6 viewers .*720p, 2\.6 Mbit\/s .*speed 1\.00×/);
    expect(html).toMatch(/<li class="current">backup 1<span class="tag">in use<\/span>.*backup\.example/);
    expect(shown).toContain('1 failover, the last one');
    expect(shown).toMatch(/Number Viewers Made by Owned since Relayed by 0 6 worker-2 .* worker-1 , worker-3/);
    expect(html).toContain(`title="2026-11-29 17:05:00.000 UTC, epoch ${Date.UTC(2026, 10, 29, 17, 5)}"`);
    expect(shown).toMatch(/Header Referer x/);
    for (const action of ['Play', 'Address for a player', 'Fail over', 'Stop']) expect(shown).toContain(action);
  });

  it('says what comes in, what goes out, and what FFmpeg has said', () => {
    const input = {
      resolution: '1920x1080',
      fps: 25,
      videoCodec: 'mpeg2video',
      audioCodec: 'mp2',
      audioChannels: 'stereo',
    };
    const output = { resolution: '1280x720', fps: 50, videoCodec: 'h264', audioCodec: 'aac' };
    const arrival = { bitsPerSecond: 8_100_000, bufferMs: 20_000, lastByteAgoMs: 3_000, repairs: 2 };
    const shown = text(page({ input, output, arrival, lines: ['frame= 100', HOSTILE] }));
    expect(shown).toContain('Comes in 1920×1080@25 MPEG-2 + MP2 stereo, 8.1 Mbit/s');
    expect(shown).toContain('Goes out 1280×720@50 H.264 + AAC, 2.6 Mbit/s');
    expect(shown).toMatch(/Held of the source 20 s .*Nothing has come for 3 s .*that were mended 2/);
    expect(shown).toMatch(/What FFmpeg has said last frame= 100/);
    expect(page({ lines: [HOSTILE] })).not.toMatch(/<img|<script|\u202e/);
  });

  it('says of a shared process only what is known of it', () => {
    const slots = [
      // A worker without Redis; one that relays nothing; one whose owner has not answered.
      { slot: 0, viewers: 1, worker: 'worker-1', epoch: 1, relays: [] },
      { slot: 1, viewers: 2, worker: 'worker-2', epoch: Date.UTC(2026, 10, 29, 17) },
      { slot: 2, viewers: 3, worker: 'worker-3', relays: Array.from({ length: 7 }, (_, n) => `follower-${n}`) },
    ];
    const shown = text(page({ slots }));
    expect(shown).toMatch(
      /0 1 worker-1 .* – nobody 1 2 worker-2 .* – 2 3 worker-3 .* – follower-0 , .*follower-4 and 2 more/,
    );
  });

  it('plots what there is', () => {
    expect(text(page())).not.toContain('The last ten minutes');
    expect(text(page({ samples: [{ atMs: 0, viewers: 1 }] }))).toContain('The last ten minutes');
  });

  it('shows whole addresses only to who has the token', () => {
    expect(text(page())).not.toContain('Show the whole addresses');
    kept.set('streampool-token', 't');
    expect(text(page())).toContain('Show the whole addresses');
  });

  it('offers no failover where there is no other source', () => {
    expect(text(page({ backups: [], backup: 0 }))).not.toContain('Fail over');
    expect(text(page({ backups: [], backup: 0, resolver: 'http://ask.example/' }))).toContain('Fail over');
  });

  it('says that there is none', () => {
    live.state.value = { about: ABOUT };
    expect(text(drawing(pages.OneStream, {}))).toContain('There is no such stream.');
  });

  it('is only text, whatever a stream is called and made of', () => {
    const lists = { backups: [HOSTILE], headers: { [HOSTILE]: HOSTILE }, metadata: { [HOSTILE]: HOSTILE } };
    const texts = { name: HOSTILE, profile: HOSTILE, arguments: HOSTILE, source: HOSTILE, userAgent: HOSTILE };
    const html = page({ ...lists, ...texts, type: HOSTILE, slots: [{ slot: 0, viewers: 1, worker: HOSTILE }] });
    expect(html).not.toMatch(/<img|<script|\u202e/);
    expect(html).toContain('&lt;img');
  });
});

const VIEWER: ViewerRow = {
  ...{ client_id: 'c1', stream_id: 's1', stream_name: 'BBC One', username: 'joe', ip_address: '192.0.2.7' },
  ...{ user_agent: 'VLC/3.0.21 LibVLC/3.0.21', worker_id: 'worker-2', is_session: true, format: 'hls' },
  ...{ created_at: '2026-11-29T16:00:00.000000+00:00', bytes_served: 12_000_000, bitrate_kbps: 2_600, skips: 0 },
};
const onChange = () => undefined;

describe('the table of viewers', () => {
  it('says who watches what, with what and how much', () => {
    const html = drawing(pages.ViewerTable, { rows: [VIEWER], onChange });
    expect(text(html)).toMatch(/joe 192\.0\.2\.7 .*BBC One .*VLC HLS .*worker-2 2\.6 12 – Disconnect/);
    expect(text(drawing(pages.ViewerTable, { rows: [{ ...VIEWER, format: 'dash' as const }], onChange }))).toContain(
      'VLC DASH',
    );
    expect(html).toContain('aria-label="Disconnect joe"');
    expect(html).toContain('title="VLC/3.0.21 LibVLC/3.0.21"');
    expect(html).toContain('href="/console/stream?id=s1"');
  });

  it('says who was too slow', () => {
    const row = { ...VIEWER, is_session: false, format: null } as const;
    const rows = [row, { ...row, client_id: 'c2', skips: 3 }];
    const html = drawing(pages.ViewerTable, { rows, onChange });
    expect(text(html)).toMatch(/12 0 Disconnect .*3 skips .*12 ▲ 3 Disconnect/);
  });

  it('is only text', () => {
    const texts = {
      username: HOSTILE,
      ip_address: HOSTILE,
      user_agent: HOSTILE,
      stream_name: HOSTILE,
      worker_id: HOSTILE,
    };
    expect(drawing(pages.ViewerTable, { rows: [{ ...VIEWER, ...texts }], onChange })).not.toMatch(
      /<img|<script|\u202e/,
    );
  });
});

describe('the table of streams', () => {
  const row: StreamRow = {
    ...{ stream_id: 's1', name: 'BBC One', state: 'playing', profile: '720p', source_host: 'provider.example' },
    ...{ current_failover_index: 1, client_count: 6, bitrate_kbps: 2_600, speed: 0.8, worker_id: 'worker-2' },
    ...{ failures_last_hour: 3, created_at: '2026-11-29T16:00:00.000000+00:00' },
  };

  it('says in words how each stream is', () => {
    const html = drawing(pages.StreamTable, { rows: [row] });
    expect(text(html)).toMatch(/BBC One .*plays 6 2\.6 0\.80× 720p provider\.example backup 2 worker-2 ▲ 3/);
    expect(html).toContain('aria-label="3 failures of BBC One in the last hour"');
  });

  it('does not pretend to know what it does not', () => {
    const unknown: StreamRow = {
      ...row,
      state: 'idle',
      bitrate_kbps: null,
      speed: null,
      worker_id: null,
      failures_last_hour: null,
    };
    expect(text(drawing(pages.StreamTable, { rows: [unknown] }))).toMatch(/idle 6 – 720p .* – – /);
  });

  it('is only text', () => {
    const texts = { name: HOSTILE, profile: HOSTILE, source_host: HOSTILE, worker_id: HOSTILE };
    expect(drawing(pages.StreamTable, { rows: [{ ...row, ...texts }] })).not.toMatch(/<img|<script|\u202e/);
  });
});
