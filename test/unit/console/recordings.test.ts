// The page of recordings as it is drawn, without a browser.
import { beforeAll, describe, expect, it } from 'vitest';
import type { RecordingRow } from '../../../services/shared/console/lists.ts';
import { browser, drawing, HOSTILE, text } from './support.ts';

browser('/m3u-proxy/console/recordings?stream_id=s1');
let pages: {
  Recordings: typeof import('../../../services/console/src/recordings/recordings.tsx').Recordings;
  RecordingTable: typeof import('../../../services/console/src/recordings/recording-table.tsx').RecordingTable;
};

beforeAll(async () => {
  pages = {
    ...(await import('../../../services/console/src/recordings/recordings.tsx')),
    ...(await import('../../../services/console/src/recordings/recording-table.tsx')),
  };
});

const ROW: RecordingRow = {
  ...{ recording_id: 'r1', kind: 'recording', name: 'News', stream_id: 's1', stream_name: 'BBC One' },
  ...{ status: 'running', error_message: null, started_at: '2026-11-29T16:00:00.000000+00:00', ended_at: null },
  ...{ seconds: 3_900, bytes: 2_340_000_000, segments: 650, worker_id: 'worker-2' },
  ...{ playlist_url: '/recordings/r1/playlist.m3u8?signature=x', download_url: '/recordings/r1/file.ts?signature=x' },
};

function table(row: Partial<RecordingRow> = {}): string {
  return drawing(pages.RecordingTable, { rows: [{ ...ROW, ...row }], onChange: () => undefined });
}

describe('the table of recordings', () => {
  it('says how each is, what it is cut from, and how much there is', () => {
    const html = table();
    expect(text(html)).toMatch(/News .*runs .*BBC One .*worker-2 .* 1 h 5 min 2,340 650 Play Download Playlist Stop /);
    expect(html).toContain('href="/m3u-proxy/console/stream?id=s1"');
    expect(html).toMatch(
      /<a href="[^"]*\/m3u-proxy\/recordings\/r1\/file\.ts\?signature=x" download[^>]*Download News/,
    );
    expect(html).toMatch(/<a href="[^"]*\/m3u-proxy\/recordings\/r1\/playlist\.m3u8\?signature=x"/);
    for (const action of ['Play', 'Download', 'Playlist of', 'Stop', 'Delete'])
      expect(html).toContain(`aria-label="${action} News"`);
  });

  it('says in words why one has failed, and does not offer to stop what is over', () => {
    const shown = text(table({ status: 'failed', error_message: 'the disk is full' }));
    expect(shown).toContain('▲ failed the disk is full');
    expect(shown).not.toContain('Stop');
    expect(text(table({ status: 'stopped' }))).not.toContain('Stop');
  });

  it('offers of a network channel its playlist, and nothing to download', () => {
    const channel = { kind: 'channel', playlist_url: '/broadcast/r1/live.m3u8', download_url: null } as const;
    const shown = text(table({ ...channel, name: null, stream_name: null }));
    expect(shown).toMatch(/r1 network channel .*its stream was deleted .*Playlist Stop Delete/);
    expect(shown).not.toMatch(/Download|Play /);
    expect(text(table({ ...channel, playlist_url: null }))).not.toContain('Playlist');
  });

  it('does not pretend to know what it does not', () => {
    const unknown = { status: 'starting', started_at: null, segments: null, worker_id: null, bytes: 0 } as const;
    expect(text(table({ ...unknown, seconds: 0 }))).toMatch(/begins BBC One – – 0 s 0.0 – Playlist/);
  });

  it('is only text', () => {
    const texts = { name: HOSTILE, stream_name: HOSTILE, worker_id: HOSTILE, error_message: HOSTILE };
    expect(table({ ...texts, status: 'failed' })).not.toMatch(/<img|<script|\u202e/);
  });
});

it('the page says of which stream its list is, and how to see all', () => {
  const html = drawing(pages.Recordings, {});
  expect(html.match(/<h1/g)).toHaveLength(1);
  expect(text(html)).toMatch(/Recordings Search .*Show .*network channels .*State .*Only of one stream Show all/);
  expect(html).toContain('href="/m3u-proxy/console/recordings"');
});
