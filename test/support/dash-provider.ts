/** A provider of DASH in the forms that providers use, for tests: films, and a live source that is made out of one. */

import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { cached, finiteFile } from './fixtures.ts';
import { type HlsAsked, HlsProvider } from './hls-provider.ts';

/** Each is a folder with `index.mpd`, in two adaptation sets of one representation. */
const FORMS = {
  /** SegmentTemplate with $Number$ and a SegmentTimeline. */
  timeline: [],
  /** SegmentTemplate with $Number$ and a duration. */
  numbers: ['-use_timeline', '0'],
  /** SegmentList. */
  list: ['-use_template', '0', '-use_timeline', '0'],
  /** One file each, with ranges. */
  file: ['-single_file', '1'],
} as const satisfies Record<string, readonly string[]>;

export type DashForm = keyof typeof FORMS;
export const DASH_FORMS = Object.keys(FORMS) as DashForm[];
export const DASH_SECONDS = 8;
const SEGMENT_SECONDS = 2;
/** Of a live source: how much of it there is when it is first asked for. */
export const BEGUN_SECONDS = 12;
const WINDOW_SECONDS = 30;

/** The folder of a form; made once. @param name the length of its film follows from that */
async function dashForm(form: DashForm, name: 'movie.mp4' | 'long.mkv'): Promise<string> {
  const movie = await finiteFile(name);
  const limit = name === 'movie.mp4' ? ['-t', String(DASH_SECONDS)] : [];
  return cached(
    `dash-${form}`,
    (to) => [
      ...['-i', movie, ...limit, '-map', '0:v', '-map', '0:a', '-c', 'copy', '-f', 'dash'],
      ...['-seg_duration', String(SEGMENT_SECONDS), '-adaptation_sets', 'id=0,streams=v id=1,streams=a'],
      ...[...FORMS[form], join(to, 'index.mpd')],
    ],
    true,
  );
}

/** All of them, before a worker asks for one: it waits for a provider no longer than it waits for a real one. */
export async function makeDashForms(): Promise<void> {
  for (const form of DASH_FORMS) await dashForm(form, 'movie.mp4');
  await dashForm('timeline', 'long.mkv');
}

/**
 * Serves `/{form}/index.mpd`; `/moved/index.mpd`, a redirect; `/shared/index.mpd`, whose templates stand outside of the representations,
 * below a BaseURL; `/unnamed/channel`, whose name does not say what it is; and `/live/index.mpd`, which has begun `BEGUN_SECONDS` before it is first asked for.
 */
export async function startDashProvider(): Promise<HlsProvider> {
  await makeDashForms();
  let beganMs: number | undefined;
  return HlsProvider.start(async ({ path, headers }, response) => {
    const [, folder = '', name = ''] = path.split('/');
    if (folder === 'live' && name === 'index.mpd') {
      const film = await readFile(join(await dashForm('timeline', 'long.mkv'), name), 'utf8');
      beganMs ??= Date.now() - BEGUN_SECONDS * 1000;
      response.writeHead(200, { 'content-type': 'application/dash+xml' }).end(liveManifest(film, beganMs));
      return true;
    }
    if (folder === 'unnamed' && name === 'channel') {
      response.end(await readFile(join(await dashForm('numbers', 'movie.mp4'), 'index.mpd')));
      return true;
    }
    if (folder === 'moved' && name === 'index.mpd') {
      response.writeHead(302, { location: '/numbers/index.mpd' }).end();
      return true;
    }
    if (folder === 'shared' && name === 'index.mpd') {
      const film = await readFile(join(await dashForm('numbers', 'movie.mp4'), name), 'utf8');
      response.end(sharedTemplates(film));
      return true;
    }
    const isForm = (given: string): given is DashForm => DASH_FORMS.includes(given as DashForm);
    const directory =
      folder === 'live'
        ? await dashForm('timeline', 'long.mkv')
        : isForm(folder) || folder === 'unnamed'
          ? await dashForm(folder === 'unnamed' ? 'numbers' : folder, 'movie.mp4')
          : undefined;
    if (directory === undefined) return false;
    const bytes = await readFile(join(directory, name)).catch(() => undefined);
    if (bytes === undefined) return false;
    send(bytes, headers.range, response);
    return true;
  });
}

function sharedTemplates(film: string): string {
  return film
    .replace('<Period', '<BaseURL>../numbers/</BaseURL><Period')
    .replace(/(<Representation [\s\S]*?)(<SegmentTemplate[\s\S]*?<\/SegmentTemplate>)/g, '$2$1');
}

function send(bytes: Buffer, wanted: HlsAsked['headers']['range'], response: ServerResponse): void {
  const [, from, to = ''] = /^bytes=(\d+)-(\d*)$/.exec(wanted ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { 'content-length': bytes.length, 'accept-ranges': 'bytes' }).end(bytes);
    return;
  }
  const last = Math.min(to === '' ? bytes.length - 1 : Number(to), bytes.length - 1);
  const part = bytes.subarray(Number(from), last + 1);
  const range = `bytes ${from}-${last}/${bytes.length}`;
  response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part);
}

/** The manifest of a film as that of a live source which has come so far: its timelines end now. */
function liveManifest(film: string, beganMs: number): string {
  const nowS = (Date.now() - beganMs) / 1000;
  const head = [
    'type="dynamic"',
    `availabilityStartTime="${new Date(beganMs).toISOString()}"`,
    `publishTime="${new Date(Math.floor(Date.now() / 1000) * 1000).toISOString()}"`,
    'minimumUpdatePeriod="PT1S"',
    `timeShiftBufferDepth="PT${WINDOW_SECONDS}S"`,
    'suggestedPresentationDelay="PT4S"',
  ];
  return film
    .replace(/\s(?:mediaPresentationDuration|type)="[^"]*"/g, '')
    .replace('<MPD', `<MPD ${head.join(' ')}`)
    .replace(/<SegmentTemplate timescale="(\d+)"[\s\S]*?<\/SegmentTimeline>/g, (template, timescale: string) => {
      const ticks = nowS * Number(timescale);
      let at = 0;
      const lines: string[] = [];
      for (const [, start, duration = '0', repeat = '0'] of template.matchAll(
        /<S(?: t="(\d+)")? d="(\d+)"(?: r="(\d+)")?/g,
      )) {
        at = Number(start ?? at);
        for (let left = Number(repeat); left >= 0 && at + Number(duration) <= ticks; left--) {
          lines.push(`<S t="${at}" d="${duration}"/>`);
          at += Number(duration);
        }
      }
      return template.replace(/(<SegmentTimeline>)[\s\S]*/, `$1${lines.join('')}</SegmentTimeline>`);
    });
}
