// Sound that ends before the pictures, begins behind them, or stops for a while: segments have silence, and nothing changes for players.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { FINITE_SECONDS } from '../support/fixtures.ts';
import { HlsViewer } from '../support/hls-viewer.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { COPY, LIGHT, staged } from '../support/stage.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2' };
/** Pictures that an encoder holds back, and a frame of sound. */
const SPARE_SECONDS = 0.3;

/** Each segment of a film, and the texts of its playlists. */
async function played(viewer: HlsViewer): Promise<{ segments: Map<number, Buffer>; texts: string[] }> {
  const segments = new Map<number, Buffer>();
  const texts: string[] = [];
  for (;;) {
    const { numbers, text, parsed } = await viewer.playlist();
    texts.push(text);
    const due = numbers.filter((n) => !segments.has(n));
    for (const n of due) segments.set(n, await viewer.segment(n));
    if (parsed.endlist && due.length === 0) return { segments, texts };
    if (due.length === 0) await sleep(100);
  }
}

const FILMS = (['sound-ends.mkv', 'sound-begins.mkv'] as const).flatMap((name) =>
  [COPY, LIGHT].map((profile) => ({ name, profile })),
);

staged.concurrent.for(FILMS)(
  'has sound in all segments of $name, by $profile',
  async ({ name, profile }, { stage }) => {
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: files.url(name), profile });
    const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const [ts, fmp4] = await Promise.all(
      ['ts', 'fmp4'].map(async (container) =>
        played(await HlsViewer.open(`${entry}?container=${container}&client_id=${container}`)),
      ),
    );
    if (ts === undefined || fmp4 === undefined) throw new Error('both containers');
    const media = Buffer.concat([...ts.segments.values()]);
    expectClean(judgeTs(media, { gapMs: 100 }), {
      video: true,
      audio: true,
      minSeconds: FINITE_SECONDS - SPARE_SECONDS,
      maxGapMs: 100,
      maxSignalled: 0,
    });
    for (const segment of ts.segments.values()) expect(judgeTs(segment).audio?.pesCount).toBeGreaterThan(0);
    for (const text of [...ts.texts, ...fmp4.texts]) {
      // A list that begins says so.
      expect(text.match(/#EXT-X-DISCONTINUITY$/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    }
    const maps = new Set(fmp4.texts.flatMap((text) => text.match(/segment\.mp4\?k=\w+/g) ?? []));
    // That of the copy is mono, which nobody knew before it began.
    expect(maps.size).toBe(name === 'sound-begins.mkv' && profile === COPY ? 2 : 1);
    expect(await decodeErrors(media)).toEqual([]);
    await worker.api.request('DELETE', `/streams/${stream_id}`);
  },
);

/** Sound of the source stops here, and comes back; seconds of its media since a viewer came. */
const [STOPS, COMES_BACK] = [1, 4];
/** What FFmpeg puts into a PES at most. It stops and comes back as a whole. */
const PES_SECONDS = 0.35;
const FRAME_SECONDS = { video: 1 / 25, audio: 1024 / 48_000 };
/** A frame of silence has a few bytes, one of the source's tone hundreds. */
const SILENT_BYTES = 40;
/** A hole is heard from here on. */
const HEARD_SECONDS = 0.1;

interface Packet {
  /** Seconds. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** What FFmpeg reads of media. */
async function packetsOf(media: Buffer): Promise<{ pictures: Packet[]; sound: Packet[] }> {
  const entries = 'packet=codec_type,pts_time,size';
  const child = spawn('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'json', 'pipe:0']);
  child.stdin.on('error', () => undefined).end(media);
  const [said, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(complaints).toBe('');
  type Said = { codec_type: keyof typeof FRAME_SECONDS; pts_time: string; size: string };
  const all = (JSON.parse(said) as { packets: Said[] }).packets;
  const of = (kind: keyof typeof FRAME_SECONDS): Packet[] =>
    all
      .filter(({ codec_type }) => codec_type === kind)
      .map(({ pts_time, size }) => ({ from: Number(pts_time), bytes: Number(size) }))
      .sort((one, other) => one.from - other.from)
      .map(({ from, bytes }) => ({ from, to: from + FRAME_SECONDS[kind], bytes }));
  return { pictures: of('video'), sound: of('audio') };
}

staged.concurrent.for(['ts', 'fmp4'] as const)(
  'has sound in all of each segment when that of a live source is away for three seconds, as %s',
  async (container, { stage }) => {
    const source = await stage.source({
      ...{ fixture: 'plain', join: 'keyframe', burstSeconds: 3, clockStarts: 'first-connection' },
      schedule: [
        { atSeconds: STOPS, action: { do: 'sound', on: false } },
        { atSeconds: COMES_BACK, action: { do: 'sound', on: true } },
      ],
    });
    const worker = await stage.worker({ ...ENV, HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '60' });
    const { stream_id } = await worker.api.createStream({ url: source.url, share: true });
    const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8?container=${container}`);
    const maps = new Set<string | undefined>();
    let init: Buffer = Buffer.alloc(0);
    let silentSeconds = 0;
    let soundEnds: number | undefined;
    let [n = 0] = (await viewer.playlist()).numbers;
    const first = n;
    for (let isBack = false; !isBack; n++) {
      const { parsed, numbers } = await viewer.playlistWith(n);
      const { discontinuity, map } = parsed.segments[numbers.indexOf(n)] ?? {};
      // A list that begins says so.
      if (n !== first) expect(discontinuity, `segment ${n}`).not.toBe(true);
      if (map?.uri !== undefined && !maps.has(map.uri)) init = await viewer.init(map.uri);
      maps.add(map?.uri);
      const { pictures, sound } = await packetsOf(Buffer.concat([init, await viewer.segment(n)]));
      const apart = (one: number | undefined, other: number | undefined) => Math.abs((one ?? 0) - (other ?? 0));
      expect(apart(sound[0]?.from, pictures[0]?.from), `where segment ${n} begins`).toBeLessThan(HEARD_SECONDS);
      expect(apart(sound.at(-1)?.to, pictures.at(-1)?.to), `where segment ${n} ends`).toBeLessThan(HEARD_SECONDS);
      for (const { from, to } of sound) {
        expect(apart(from, soundEnds ?? from), `segment ${n}, sound at ${from} s`).toBeLessThan(HEARD_SECONDS);
        soundEnds = to;
      }
      const silent = sound.filter(({ bytes }) => bytes < SILENT_BYTES);
      isBack = silentSeconds > 0 && silent.length === 0;
      silentSeconds += silent.length * FRAME_SECONDS.audio;
    }
    expect(Math.abs(silentSeconds - (COMES_BACK - STOPS))).toBeLessThan(2 * PES_SECONDS);
    expect(maps.size).toBe(1);
    await worker.api.del(`/streams/${stream_id}`);
  },
);
