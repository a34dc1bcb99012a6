/** The subtitles of a programme: fetched within limits, asked for again, and cut by where a segment is. */

import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Cue } from '../../../../services/proxy/src/broadcasts/subtitles/cues.ts';
import { loadCues, MAX_SUBTITLE_BYTES } from '../../../../services/proxy/src/broadcasts/subtitles/load-cues.ts';
import { SubtitleTrack } from '../../../../services/proxy/src/broadcasts/subtitles/subtitle-track.ts';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { type Clock, systemClock } from '../../../../services/shared/clock.ts';
import { until } from '../../../support/until.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';
import { egressPolicy, openGuard, serve } from '../../upstream/support.ts';

const SRT = '1\n00:00:01,000 --> 00:00:02,000\nHello\n';
const URL = 'http://media.example/1.srt?token=s3cret';

describe('a file of subtitles', () => {
  const load = (url: string, guard = openGuard()) =>
    loadCues(
      { guard, userAgent: 'test', clock: systemClock },
      { url, headers: { 'Authorization-Of-Emby': 't' } },
      new AbortController().signal,
    );

  it('is fetched with its headers, also behind a redirect', async () => {
    const { origin, requests } = await serve((request, response) => {
      if (request.url === '/1.srt') response.writeHead(302, { location: '/2.srt' }).end();
      else response.end(SRT);
    });
    expect(await load(`${origin}/1.srt`)).toMatchObject([{ start: 1, end: 2, text: 'Hello' }]);
    expect(requests.map(({ headers }) => headers['authorization-of-emby'])).toEqual(['t', 't']);
  });

  it('is not fetched from where the guard does not allow', async () => {
    const { origin, requests } = await serve((_, response) => response.end(SRT));
    const guard = new EgressGuard(egressPolicy('false'));
    await expect(load(`${origin}/1.srt`, guard)).rejects.toMatchObject({ reason: 'egress_refused' });
    expect(requests).toEqual([]);
  });

  it.each([
    ['is no such file', (): string => '<html>Please log in</html>', /neither SubRip nor WebVTT/],
    ['has too many bytes', (): string => `${SRT}${' '.repeat(MAX_SUBTITLE_BYTES)}`, /larger than 4 MB/],
  ])('is refused when it %s', async (_, body, why) => {
    const { origin, open } = await serve((__, response) => response.end(body()));
    await expect(load(`${origin}/1.srt`)).rejects.toThrow(why);
    await until(() => open() === 0, { what: 'the connection to be closed' });
  });

  it('that is not there is an error with its status', async () => {
    const { origin } = await serve((_, response) => response.writeHead(404).end());
    await expect(load(`${origin}/1.srt`)).rejects.toThrow(/answered 404/);
  });
});

describe('a track', () => {
  const log = pino({ level: 'silent' });
  const cues: Cue[] = [{ start: 101, end: 103, text: 'Hello', settings: '' }];
  const subtitles = { url: URL, headers: {}, seekSeconds: 100 };
  /** A picture with this PTS. */
  const media = (ticks: number) => new TsBuilder().tables().video(ticks, ticks, true, 400).take();

  function track(answers: (readonly Cue[] | Error)[], clock: Clock = systemClock) {
    const asked: AbortSignal[] = [];
    const made = new SubtitleTrack(
      {
        ...{ clock, log },
        load: async (_, signal) => {
          asked.push(signal);
          const answer = answers.shift() ?? new SourceError('refused', 'nobody is there');
          if (answer instanceof Error) throw answer;
          return answer;
        },
      },
      subtitles,
    );
    onTestFinished(() => made.close());
    return { track: made, asked };
  }

  it('says where its segment is in the file, from the first picture and its place in the programme', async () => {
    const { track: one } = track([cues]);
    expect(await one.of(media(900_000), () => 2, 6)).toBe(
      'WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:01:42.000,MPEGTS:900000\n\n00:01:41.000 --> 00:01:43.000\nHello\n',
    );
    expect(await one.of(media(90_000), () => 8, 6)).toBe('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:01:48.000,MPEGTS:90000\n');
  });

  it('says nothing of what has no picture and no sound', async () => {
    expect(await track([cues]).track.of(Buffer.from('no media'), () => 0, 6)).toBeUndefined();
  });

  it('is without its file when that cannot be had, and asks for it again after 30 s', async () => {
    let nowMs = 0;
    const { track: one, asked } = track([new SourceError('refused', 'away'), cues], {
      ...systemClock,
      monotonicMs: () => nowMs,
    });
    expect(await one.of(media(0), () => 0, 6)).toBeUndefined();
    nowMs = 29_000;
    expect(await one.of(media(0), () => 6, 6)).toBeUndefined();
    nowMs = 31_000;
    expect(await one.of(media(0), () => 0, 6)).toContain('Hello');
    expect(asked).toHaveLength(2);
    one.close();
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});
