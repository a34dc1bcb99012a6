/** What the page of a stream shows of a web page, and which source counts as the one that plays. */
import { expect, it } from 'vitest';
import { shownDefinition } from '../../../../services/proxy/src/api/console/one-stream-state.ts';
import { newStream } from '../../../../services/registry/new-stream.ts';
import type { FailoverState, StreamRecord } from '../../../../services/registry/types.ts';
import { SPEC } from '../../../support/stream-spec.ts';

const URL = 'http://tv.test/watch';
const BACKUP = 'http://backup.test/1.ts';

function pageAt(failover: Partial<FailoverState>): StreamRecord {
  const page = { resolver: 'ytdlp', args: 'best[height<=720]', cookies: 'a-cookie', key: 'k' } as const;
  const record = newStream({ ...SPEC, url: URL, failoverUrls: [BACKUP], page }, 1_000);
  return { ...record, failover: { ...record.failover, ...failover } };
}

it('is shown with the program and what that was asked, and nothing of its cookies', () => {
  const shown = shownDefinition(pageAt({}));
  expect(shown).toMatchObject({ source: URL, backup: 0, backups: [BACKUP] });
  expect(shown.page).toEqual({ program: 'yt-dlp', asked: 'best[height<=720]', hasCookies: true });
  expect(JSON.stringify(shown)).not.toContain('a-cookie');
});

it('is shown with the address that was found, and when that ends', () => {
  const found = { index: 3, currentUrl: 'http://cdn.test/1.m3u8?token=secret', expiresAtMs: 5_000 };
  const shown = shownDefinition(pageAt(found));
  // However often it was found, it is the primary source.
  expect(shown).toMatchObject({ backup: 0, page: { endsAtMs: 5_000 } });
  expect(shown.page?.found).toMatch(/^http:\/\/cdn\.test\/1\.m3u8/);
  expect(JSON.stringify(shown)).not.toContain('secret');
});

it('has its backup as the source, where that plays', () => {
  const shown = shownDefinition(pageAt({ index: 4, currentUrl: BACKUP }));
  expect(shown.backup).toBe(1);
  expect(shown.page?.found).toBeUndefined();
});

it('is none of a stream with media of its own, whose sources have their numbers', () => {
  const record = newStream({ ...SPEC, failoverUrls: [BACKUP] }, 1_000);
  const shown = shownDefinition({ ...record, failover: { ...record.failover, index: 0, currentUrl: BACKUP } });
  expect([shown.page, shown.backup]).toEqual([undefined, 1]);
});
