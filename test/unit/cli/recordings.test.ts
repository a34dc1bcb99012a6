/** `streampool` records: what its commands do and say of recordings, against a worker that makes them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Recording } from '../../../services/cli/src/answers.ts';
import { hours, megabytes, recordingTable, secondsIn } from '../../../services/cli/src/recordings.ts';
import { streamPictures } from '../upstream/direct/support.ts';
import { serve } from '../upstream/support.ts';
import { command, listeningApi } from './support.ts';

/** A worker that keeps recordings, with a stream of live pictures. */
async function recorder() {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const api = await listeningApi({ RECORDINGS: folder, HLS_SEGMENT_TIME: '1' });
  const { origin } = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    streamPictures(response);
  });
  await api.post('/streams', { url: `${origin}/live.ts`, metadata: { name: 'BBC One' } });
  return { env: { STREAMPOOL_URL: api.url } };
}

it('records a stream, lists it, ends it and deletes it', async () => {
  const { env } = await recorder();
  expect((await command(['recordings'], env)).said).toBe('There is no recording.\n');
  const begun = await command(['record', 'bbc one', '--for', '1h', '--name', 'News'], env);
  expect(begun).toEqual({
    code: 0,
    said: expect.stringMatching(/^[0-9a-f]{32}\n$/),
    noted: 'News is recorded for 1:00:00.\n',
  });
  const id = begun.said.trim();
  expect((await command(['recordings'], env)).said).toMatch(
    new RegExp(`^ID +NAME .*\\n${id.slice(0, 8)} +News +.* +0:00:\\d\\d +\\d+\\.\\d MB +running\\n$`),
  );
  expect(JSON.parse((await command(['recordings', '--json'], env)).said)).toMatchObject([
    { recording_id: id, download_url: `/recordings/${id}/file.ts` },
  ]);
  expect(await command(['stop-recording', 'news'], env)).toEqual({
    code: 0,
    said: expect.stringMatching(new RegExp(`^Recording ${id} has ended: 0:00:\\d\\d, \\d+\\.\\d MB\\n$`)),
    noted: '',
  });
  expect((await command(['recordings'], env)).said).toMatch(/ stopped\n$/);
  expect(await command(['delete-recording', id.slice(0, 6)], env)).toEqual({
    code: 0,
    said: `Recording ${id} was deleted\n`,
    noted: '',
  });
  expect(await command(['delete-recording', id], env)).toMatchObject({
    code: 1,
    noted: expect.stringContaining(`There is no recording "${id}"`),
  });
});

it('goes by the name of the stream without another one, and asks which one is meant', async () => {
  const { env } = await recorder();
  const first = JSON.parse((await command(['record', 'BBC One', '--json'], env)).said) as Recording;
  const second = await command(['record', 'BBC One'], env);
  expect(second.noted).toBe('BBC One is recorded until "streampool stop-recording" ends it.\n');
  const { code, noted } = await command(['stop-recording', 'BBC One'], env);
  expect(code).toBe(1);
  for (const id of [first.recording_id, second.said.trim()]) expect(noted).toContain(`  ${id}  BBC One`);
  expect(await command(['record', 'BBC Two'], env)).toMatchObject({ code: 1, said: '' });
  for (const id of [first.recording_id, second.said.trim()]) {
    expect((await command(['delete-recording', id], env)).code).toBe(0);
  }
});

it('says why a recording failed, and ids of people are shown whole', () => {
  const failed: Recording = {
    ...{ recording_id: 'evening-news', name: null, status: 'failed', error_message: 'The disk is full.' },
    ...{ started_at: null, seconds: 3_725.4, bytes: 2_345_678_901, metadata: {} },
  };
  expect(recordingTable([failed])[1]).toBe(
    'evening-news  evening-news  -      1:02:05  2.3 GB  failed: The disk is full.',
  );
});

it.each([
  ['90', 90],
  ['90s', 90],
  ['45m', 2_700],
  ['1h30m', 5_400],
  ['2d', 172_800],
  ...['', '0', '0s', '1.5h', '30m1h', '-1', 'h', '1w'].map((text): [string, undefined] => [text, undefined]),
])('a time: %s', (text, seconds) => {
  expect(secondsIn(text)).toBe(seconds);
});

it('counts as people do', () => {
  expect([hours(59.9), hours(90_000)]).toEqual(['0:00:59', '25:00:00']);
  expect([megabytes(0), megabytes(999_900_000), megabytes(1e9)]).toEqual(['0.0 MB', '999.9 MB', '1.0 GB']);
});
