// The pages as they are drawn, without a browser: what stands in them, and that a hostile text is nothing but text.
import type { ComponentType } from 'preact';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NowState, PlayingStream, ShownEvent } from '../../../services/shared/console/live.ts';
import { browser, drawing, HOSTILE, kept, text } from './support.ts';

browser('/m3u-proxy/console/');
let live: typeof import('../../../services/console/src/live/live.ts');
let address: typeof import('../../../services/console/src/shell/address.ts');
const pages = new Map<string, ComponentType>();

beforeAll(async () => {
  const folder = '../../../services/console/src';
  live = await import('../../../services/console/src/live/live.ts');
  address = await import('../../../services/console/src/shell/address.ts');
  pages.set('now', (await import(`${folder}/pages/now.tsx`)).Now);
  pages.set('cluster', (await import(`${folder}/pages/cluster.tsx`)).Cluster);
  pages.set('providers', (await import(`${folder}/providers/providers.tsx`)).Providers);
  const add = await import(`${folder}/add/add.tsx`);
  pages.set('add', add.Add);
  pages.set('added', add.Made);
  pages.set('fields', (await import(`${folder}/add/fields.tsx`)).Fields);
  const settings = await import(`${folder}/pages/settings.tsx`);
  pages.set('settings', settings.Settings);
  pages.set('settings of a worker', settings.Shown);
  pages.set('login', (await import(`${folder}/pages/login.tsx`)).Login);
  pages.set('missing', (await import(`${folder}/pages/missing.tsx`)).Missing);
  pages.set('header', (await import(`${folder}/parts/header.tsx`)).Header);
  pages.set('bars', (await import(`${folder}/parts/bars.tsx`)).Bars);
  pages.set('line', (await import(`${folder}/parts/event-line.tsx`)).EventLine);
});

beforeEach(() => {
  live.state.value = undefined;
  live.events.value = [];
  live.status.value = { kind: 'live' };
  kept.clear();
});

function drawn(name: string, props: object = {}): string {
  const page = pages.get(name);
  if (page === undefined) throw new Error(`no page ${name}`);
  return drawing(page, props);
}

function state(numbers: Partial<NowState['numbers']>, streams: Record<string, PlayingStream> = {}): NowState {
  return {
    about: { workerId: 'worker-1', version: '0.1.0', workers: 3 },
    numbers: {
      ...{ viewers: 0, playing: 0, streams: 0, ffmpegs: 0, saved: 0, sharing: 0, connections: 0 },
      ...{ joinsLastMinute: 0, failuresLastHour: 0, ...numbers },
    },
    streams,
    order: Object.keys(streams),
  };
}

const STREAM: PlayingStream = {
  ...{ name: 'BBC One', viewers: 6, profile: '720p', speed: 1, sourceHost: 'provider.example', backup: 0 },
  ...{ owner: 'worker-2', bitsPerSecond: 2_600_000, sinceMs: Date.UTC(2026, 10, 29, 16) },
};

describe('the page Now', () => {
  it('says who watches what, and what pooling saves', () => {
    live.state.value = state(
      { viewers: 6, playing: 1, streams: 3, ffmpegs: 1, sharing: 6, saved: 5, connections: 1, failuresLastHour: 2 },
      { s1: STREAM },
    );
    const page = drawn('now');
    const shown = text(page);
    expect(shown).toContain('6 viewers share 1 FFmpeg and 1 connection');
    expect(shown).toContain('of 3 created');
    expect(shown).toMatch(/BBC One .*720p, 2\.6 Mbit\/s.* provider\.example primary .*worker-2/);
    expect(page).toContain('href="/m3u-proxy/console/events?type=failures"');
    expect(page).toContain('href="/m3u-proxy/console/stream?id=s1"');
    expect(page).toContain('aria-label="Play BBC One"');
    expect(page.match(/<h1/g)).toHaveLength(1);
  });

  it('tells in words, not by colour alone, what is wrong with a stream', () => {
    live.state.value = state(
      { viewers: 6, playing: 1, streams: 1 },
      { s1: { ...STREAM, speed: 0.8, backup: 2, failures: 3 } },
    );
    expect(text(drawn('now'))).toMatch(/too slow .*3 restarts .*backup 2/);
  });

  it('has three ways in while there is nothing, with this address and without the token', () => {
    kept.set('streampool-token', 's3cret');
    live.state.value = state({});
    const page = drawn('now');
    expect(text(page)).toContain('There is nothing here yet');
    expect(page.match(/<pre>/g)).toHaveLength(4);
    expect(page).toContain('curl http://proxy.example:8085/m3u-proxy/transcode');
    expect(page).toContain('$API_TOKEN');
    expect(page).not.toContain('s3cret');
  });

  it('says that streams wait when nobody watches', () => {
    live.state.value = state({ streams: 1 });
    expect(text(drawn('now'))).toContain('1 stream waits for the first viewer');
  });

  it('says that there are more than a list may show', () => {
    live.state.value = state({ playing: 250, viewers: 300, streams: 400 }, { s1: STREAM });
    expect(text(drawn('now'))).toContain('The 1 with the most viewers, of 250.');
  });

  it('shows the last ten events in words', () => {
    live.state.value = state({});
    live.events.value = Array.from({ length: 12 }, (_, at) => told(`${1000 - at}-1`, { name: `Channel ${at}` }));
    const shown = text(drawn('now'));
    expect(shown).toContain('Channel 0 plays');
    expect(shown).toContain('Channel 9 plays');
    expect(shown).not.toContain('Channel 10 plays');
  });

  it('greys the last state when the connection is lost, and keeps it', () => {
    live.state.value = state({ viewers: 6, playing: 1, streams: 1 }, { s1: STREAM });
    live.status.value = { kind: 'lost', sinceMs: Date.now() - 7_400, reason: undefined };
    expect(drawn('now')).toMatch(/<main id="content" class="stale">.*BBC One/);
    expect(text(drawn('bars'))).toMatch(/No connection for 7 s\. .* the last answer came from worker-1\./);
  });
});

function told(id: string, data: Record<string, unknown> = {}): ShownEvent {
  const timestamp = new Date().toISOString();
  return { event_id: id, event_type: 'stream_started', stream_id: 's1', timestamp, late: false, data };
}

describe('the page Cluster', () => {
  const about = { workerId: 'w1', version: '1', workers: 2 };

  it('says in words how each worker is', () => {
    live.state.value = {
      about,
      workers: {
        w1: { state: 'serving', viewers: 4, ffmpegs: 1, cpu: 0.5, bufferedBytes: 12_000_000, connections: 1 },
        w2: { state: 'draining', reason: 'deployment', viewers: 0 },
        w3: { state: 'silent', forMs: 3_000, viewers: 1 },
        w4: { state: 'gone', reason: 'died', forMs: 61_000, lost: 2 },
      },
      order: ['w1', 'w2', 'w3', 'w4'],
      total: 4,
    };
    const page = drawn('cluster');
    const shown = text(page);
    expect(shown).toMatch(/w1 .*serves .*4 .*1 .*0\.5 .*12 /);
    expect(shown).toContain('drains: another deployment is wanted; nothing is left on it');
    expect(shown).toContain('silent for 3 s');
    expect(shown).toContain('gone for 1 min: it died, 2 viewers lost their connection');
    expect(page).toContain('href="/m3u-proxy/console/events?worker_id=w1"');
  });

  it('offers to drain and to take viewers again, but not what nobody can take back', () => {
    live.state.value = {
      about,
      workers: {
        w1: { state: 'serving', viewers: 4 },
        w2: { state: 'draining', reason: 'told', viewers: 3, ffmpegs: 1 },
        w3: { state: 'draining', reason: 'deployment' },
        w4: { state: 'gone' },
      },
      order: ['w1', 'w2', 'w3', 'w4'],
      total: 4,
    };
    const page = drawn('cluster');
    const buttons = [...page.matchAll(/<button[^>]*aria-label="([^"]*)"/g)].map(([, label]) => label);
    expect(buttons).toEqual(['Drain w1', 'Let w2 take viewers again']);
    expect(text(page)).toContain('drains: it was asked to; 3 viewers and 1 FFmpeg left');
  });

  it('draws who gets what from whom, and marks a takeover', () => {
    live.state.value = {
      about,
      workers: {
        w1: { state: 'serving', viewers: 4, sources: { 'tv.example': { count: 1, bitsPerSecond: 5_000_000 } } },
        w2: { state: 'serving', viewers: 1, relays: { w1: { count: 2, bitsPerSecond: 2_000_000 } } },
      },
      order: ['w1', 'w2'],
      total: 2,
    };
    const data = { to: 'w1', from: 'w9', name: 'BBC One', gap_ms: 31, clients_kept: 4 };
    live.events.value = [{ ...told('9-1', data), event_type: 'takeover' }];
    const page = drawn('cluster');
    expect(page).toContain(
      'aria-label="2 workers, 1 provider, 1 relay between workers. The table below says the same."',
    );
    expect(page).toContain('<title>w1 reads 1 source from tv.example: 5.0 Mbit/s</title>');
    expect(page).toContain('<title>w2 relays 2 feeds from w1: 2.0 Mbit/s</title>');
    expect(text(page)).toContain('took BBC One over: 31 ms without media, 4 viewers stayed');
  });

  it('shows hostile names as text', () => {
    const flows = { [HOSTILE]: { count: 1 } };
    const worker = { state: 'draining', reason: HOSTILE, zone: HOSTILE, version: HOSTILE } as const;
    const workers = { [HOSTILE]: { ...worker, sources: flows, relays: flows } };
    live.state.value = { about, workers, order: [HOSTILE], total: 1 };
    expect(drawn('cluster')).not.toMatch(/<img|<script|\u202e/);
    expect(drawn('cluster')).toContain('&lt;img');
  });
});

describe('the page Providers', () => {
  const about = { workerId: 'w1', version: '1', workers: 2 };
  const account = { host: 'tv.example', connections: 3, refused: 2, streams: { s1: 'BBC One' }, more: 4 };

  it('says how many connections are in use, what for, and what went wrong', () => {
    const accounts = {
      a: { ...account, number: 2, lastError: 'it answered 404', lastErrorMs: Date.now() },
      b: { ...account, host: 'idle.example', connections: 0, refused: 0, streams: {}, more: 0 },
    };
    live.state.value = { about, limit: 3, accounts, order: ['a', 'b'], total: 2 };
    const page = drawn('providers');
    const shown = text(page);
    expect(shown).toMatch(/tv\.example \*\*\*, account 2 .*3 of 3 full .*BBC One 4 more streams 2 .*it answered 404/);
    expect(shown).toMatch(/idle\.example \*\*\* 0 of 3 +0 +none in the last hour/);
    expect(page).toContain('aria-label="3 of 3"');
  });

  it('says that nothing limits connections, or that there are none', () => {
    live.state.value = { about, accounts: { a: account }, order: ['a'], total: 1 };
    expect(text(drawn('providers'))).toContain('Nothing limits the connections.');
    live.state.value = { about, accounts: {}, order: [], total: 0 };
    expect(text(drawn('providers'))).toContain('No provider is read');
  });

  it('shows hostile texts as text', () => {
    const hostile = { ...account, host: HOSTILE, streams: { s1: HOSTILE }, lastError: HOSTILE, lastErrorMs: 1 };
    live.state.value = { about, accounts: { [HOSTILE]: hostile }, order: [HOSTILE], total: 1 };
    const page = drawn('providers');
    expect(page).not.toMatch(/<img|<script|\u202e/);
    expect(page).toContain('&lt;img');
  });
});

describe('the page Add a stream', () => {
  it('creates nothing before a test', () => {
    const page = drawn('add');
    expect(text(page)).toContain('Test the source first.');
    expect(page).toMatch(/<button type="button" disabled[^>]*>Create the stream/);
  });

  it('has a field for each variable of a profile, and says what the profile does', () => {
    const profiles = [{ name: '720p', description: 'H.264 in 1280x720', parameters: { video_bitrate: '2500k' } }];
    const form = { url: '', name: '', profile: '720p', variables: {}, backups: '', userAgent: '', headers: 'x' };
    const page = drawn('fields', { form, profiles, onChange: () => undefined });
    expect(text(page)).toContain('H.264 in 1280x720');
    expect(text(page)).toContain('Without a value: 2500k');
    expect(text(page)).toContain('This is no header: x. Write Name: value.');
    const labels = [...page.matchAll(/<label for="([^"]+)"/g)].map(([, id]) => id);
    const fields = [
      ...page.matchAll(/<(?:input|select|textarea)[^>]* id="([^"]+)"|<(?:input|select|textarea) id="([^"]+)"/g),
    ];
    expect(fields.map(([, one, two]) => one ?? two).sort()).toEqual(labels.sort());
  });

  it('says where the stream plays, and what will not be done', () => {
    const answer = {
      ...{ stream_id: 's1', stream_endpoint: '/m3u-proxy/stream/s1?sig=1', existing: false },
      ...{ playback_expires_at: '2026-11-30T10:00:00+00:00', warnings: [HOSTILE] },
    };
    const page = drawn('added', { answer, name: HOSTILE, onAgain: () => undefined });
    expect(page).not.toMatch(/<img|<script|\u202e/);
    expect(page).toContain('/m3u-proxy/stream/s1?sig=1');
    expect(text(page)).toContain('which expires at');
  });
});

describe('the page Settings', () => {
  const worker = {
    ...{ worker_id: 'w1', version: '1.2.3', uptime_seconds: 7_500 },
    ffmpeg: { version: '7.1', path: '/usr/bin/ffmpeg' },
    hardware: { asked: 'vaapi', type: 'cpu', device: null, hevc: true, reason: 'No /dev/dri.' },
    warnings: [{ kind: 'no_token', text: 'API_TOKEN is not set: set it.' }],
    settings: [
      { name: 'PORT', group: 'Server', value: '9000', default: '8085', source: 'environment', meaning: 'A port.' },
      { name: 'API_TOKEN', group: 'Server', value: null, default: 'none', source: 'default', meaning: 'A token.' },
      { name: 'MAX', group: 'Limits', value: '5', default: '`5`', source: 'default', meaning: 'A limit.' },
    ],
  };

  it('says what the worker is, what is wrong, and where each setting has come from', () => {
    const page = drawn('settings of a worker', { worker });
    const shown = text(page);
    expect(shown).toContain('API_TOKEN is not set: set it.');
    expect(shown).toContain('Runs for 2 h 5 min');
    expect(shown).toContain('the CPU, although HW_ACCEL_TYPE asks for vaapi. No /dev/dri.');
    expect(shown).toMatch(/PORT A port\. +9000 environment +8085 +environment/);
    expect(shown).toMatch(/API_TOKEN A token\. +none +none +default/);
    expect(page).toContain('<code>5</code>');
    expect(page.match(/<caption>/g)).toHaveLength(2);
  });

  it('says that nothing is wrong, and what encodes', () => {
    const hardware = { asked: 'vaapi', type: 'vaapi', device: '/dev/dri/renderD128', hevc: false, reason: null };
    const shown = text(drawn('settings of a worker', { worker: { ...worker, warnings: [], hardware } }));
    expect(shown).toContain('Nothing is wrong');
    expect(shown).toContain('vaapi, /dev/dri/renderD128; H.264 only');
  });

  it('shows hostile texts as text', () => {
    const hostile = { ...worker, worker_id: HOSTILE, warnings: [{ kind: 'x', text: HOSTILE }] };
    const settings = [{ ...worker.settings[0], value: HOSTILE, group: HOSTILE, meaning: HOSTILE, default: HOSTILE }];
    const page = drawn('settings of a worker', { worker: { ...hostile, settings } });
    expect(page).not.toMatch(/<img|<script|\u202e/);
    expect(page).toContain('&lt;img');
  });
});

describe('what stands round the pages', () => {
  it('says who answers, and since when Redis does not', () => {
    live.state.value = { ...state({}), about: { workerId: 'worker-1', version: '1', workers: 1, outageMs: 90_000 } };
    expect(text(drawn('bars'))).toContain('Redis has not answered for 1 min. You see only what worker-1 itself knows.');
    expect(text(drawn('header'))).toContain('worker-1');
  });

  it('says what a worker has answered in place of the stream', () => {
    live.status.value = { kind: 'lost', sinceMs: Date.now(), reason: '50 pages look already' };
    expect(text(drawn('bars'))).toContain('The worker answers: 50 pages look already');
  });

  it('offers to log out where there is a token', () => {
    expect(text(drawn('header'))).not.toContain('Log out');
    kept.set('streampool-token', 't0ken');
    expect(text(drawn('header'))).toContain('Log out');
  });

  it('has one heading, one main part and a label for each field on each page', () => {
    for (const name of ['now', 'cluster', 'providers', 'add', 'settings', 'login', 'missing']) {
      const page = drawn(name);
      expect(page.match(/<h1/g), name).toHaveLength(1);
      expect(page.match(/<main[^>]* id="content"|<main id="content"/g), name).toHaveLength(1);
    }
    expect(drawn('login')).toMatch(/<label>API token<input type="password"/);
  });
});

describe('a hostile text', () => {
  it.each(['name', 'profile', 'sourceHost', 'owner', 'codecs'] as const)(
    'as the %s of a stream is only text',
    (field) => {
      live.state.value = state({ viewers: 1, playing: 1, streams: 1 }, { s1: { ...STREAM, [field]: HOSTILE } });
      const page = drawn('now');
      expect(page).not.toMatch(/<img|<script|\u202e/);
      expect(page).toContain('&lt;img src=x');
    },
  );

  it('as a name, worker or id of an event is only text', () => {
    const event = { ...told(HOSTILE, { name: HOSTILE, worker_id: HOSTILE }), event_type: 'takeover' };
    for (const each of [event, { ...event, event_type: HOSTILE }]) {
      expect(drawn('line', { event: each })).not.toMatch(/<img|<script|\u202e/);
    }
  });

  it('as the name of the worker is only text', () => {
    live.state.value = { ...state({}), about: { workerId: HOSTILE, version: HOSTILE, workers: 1, outageMs: 1_000 } };
    for (const name of ['header', 'bars']) expect(drawn(name)).not.toMatch(/<img|<script|\u202e/);
  });
});

it('stands below whatever comes before /console', () => {
  expect([address.BASE, address.ORIGIN]).toEqual(['/m3u-proxy', 'http://proxy.example:8085/m3u-proxy']);
  expect(address.addressOf('events', { type: 'takeover', worker_id: '' })).toBe(
    '/m3u-proxy/console/events?type=takeover',
  );
});
