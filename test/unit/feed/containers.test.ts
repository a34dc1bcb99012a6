/** The fragmenters on what FFmpeg really writes: wherever a viewer joins, what it gets decodes without a complaint. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ContainerError,
  createFragmenter,
  MAX_PIECE_BYTES,
  type OpaqueContainer,
} from '../../../services/proxy/src/feed/containers/index.ts';

const FFMPEG = process.env.FFMPEG_PATH ?? 'ffmpeg';
const SEED = 20_261_122;
const SECONDS = 4;
const FPS = 25;

const VIDEO = ['-f', 'lavfi', '-i', `testsrc2=size=160x96:rate=${FPS}:duration=${SECONDS}`];
const AUDIO = ['-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${SECONDS}`];
// With B-frames and a keyframe a second, as a real channel has them.
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', '25', '-sc_threshold', '0'];
const AAC = ['-c:a', 'aac', '-b:a', '64k'];
const VP8 = [
  '-c:v',
  'libvpx',
  '-deadline',
  'realtime',
  '-cpu-used',
  '8',
  '-b:v',
  '300k',
  '-g',
  '25',
  '-c:a',
  'libopus',
];
const MP4 = ['-f', 'mp4', '-movflags'];

interface Output {
  title: string;
  container: OpaqueContainer;
  args: string[];
  /** FFmpeg's name for reading it back. */
  demuxer: string;
  minFragments: number;
  /** How many of the fragments can be joined at. */
  joinable: 'all' | 'some';
  /** Only with `--long`: another row cuts with the same code. */
  isLong?: true;
  change?: (bytes: Buffer) => Buffer;
}

const ALL: Output[] = [
  {
    title: 'mp4, a fragment a GOP',
    container: 'mp4',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, ...MP4, 'frag_keyframe+empty_moov+default_base_moof'],
    demuxer: 'mp4',
    minFragments: 4,
    joinable: 'all',
  },
  {
    title: 'mp4, fragments of 200 ms',
    container: 'mp4',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, ...MP4, 'empty_moov+default_base_moof', '-frag_duration', '200000'],
    demuxer: 'mp4',
    minFragments: 15,
    joinable: 'some',
  },
  {
    title: 'mp4 as CMAF, an audio and a video fragment in turn',
    container: 'mp4',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, ...MP4, 'cmaf+frag_keyframe+empty_moov+separate_moof'],
    demuxer: 'mp4',
    minFragments: 8,
    joinable: 'some',
  },
  {
    title: 'mp4, audio alone',
    container: 'mp4',
    args: [...AUDIO, ...AAC, ...MP4, 'empty_moov+default_base_moof', '-frag_duration', '200000'],
    demuxer: 'mp4',
    minFragments: 15,
    joinable: 'all',
  },
  {
    title: 'QuickTime, a fragment a GOP',
    isLong: true,
    container: 'mov',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, '-f', 'mov', '-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
    demuxer: 'mov',
    minFragments: 4,
    joinable: 'all',
  },
  {
    title: 'FLV',
    container: 'flv',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, '-flvflags', 'no_duration_filesize', '-f', 'flv'],
    demuxer: 'flv',
    minFragments: 20,
    joinable: 'some',
  },
  {
    title: 'FLV, audio alone',
    isLong: true,
    container: 'flv',
    args: [...AUDIO, ...AAC, '-flvflags', 'no_duration_filesize', '-f', 'flv'],
    demuxer: 'flv',
    minFragments: 20,
    joinable: 'all',
  },
  {
    title: 'a program stream of MPEG-2',
    container: 'mpeg',
    args: [...VIDEO, ...AUDIO, '-c:v', 'mpeg2video', '-g', '25', '-c:a', 'mp2', '-f', 'vob'],
    demuxer: 'mpeg',
    minFragments: 8,
    joinable: 'some',
  },
  {
    title: 'a program stream of MPEG-1',
    isLong: true,
    container: 'mpeg',
    args: [...VIDEO, ...AUDIO, '-c:v', 'mpeg1video', '-g', '25', '-c:a', 'mp2', '-f', 'mpeg'],
    demuxer: 'mpeg',
    minFragments: 8,
    joinable: 'some',
  },
  {
    title: 'Ogg with Theora and Opus',
    container: 'ogg',
    args: [
      ...VIDEO,
      ...AUDIO,
      '-c:v',
      'libtheora',
      '-g',
      '25',
      '-c:a',
      'libopus',
      '-page_duration',
      '200000',
      '-f',
      'ogg',
    ],
    demuxer: 'ogg',
    minFragments: 8,
    joinable: 'some',
  },
  {
    title: 'Ogg with Vorbis alone',
    isLong: true,
    container: 'ogg',
    args: [...AUDIO, '-c:a', 'libvorbis', '-page_duration', '200000', '-f', 'ogg'],
    demuxer: 'ogg',
    minFragments: 10,
    joinable: 'all',
  },
  {
    title: 'Matroska',
    container: 'matroska',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, '-f', 'matroska'],
    demuxer: 'matroska',
    minFragments: 4,
    joinable: 'some',
  },
  {
    title: 'Matroska with clusters of unknown size',
    container: 'matroska',
    args: [...VIDEO, ...AUDIO, ...H264, ...AAC, '-write_crc32', '0', '-f', 'matroska'],
    demuxer: 'matroska',
    minFragments: 4,
    joinable: 'some',
    change: withClustersOfUnknownSize,
  },
  {
    title: 'WebM',
    container: 'webm',
    args: [...VIDEO, ...AUDIO, ...VP8, '-f', 'webm'],
    demuxer: 'matroska',
    minFragments: 4,
    joinable: 'some',
  },
  {
    title: 'WebM, audio alone',
    container: 'webm',
    args: [...AUDIO, '-c:a', 'libopus', '-f', 'webm', '-cluster_time_limit', '200'],
    demuxer: 'matroska',
    minFragments: 15,
    joinable: 'all',
  },
  {
    title: 'ADTS',
    container: 'adts',
    args: [...AUDIO, ...AAC, '-f', 'adts'],
    demuxer: 'aac',
    minFragments: 25,
    joinable: 'all',
  },
  {
    title: 'MP3 without a bit reservoir',
    container: 'mp3',
    args: [...AUDIO, '-c:a', 'libmp3lame', '-b:a', '128k', '-reservoir', '0', '-f', 'mp3'],
    demuxer: 'mp3',
    minFragments: 25,
    joinable: 'all',
  },
  {
    title: 'MP3 of 22.05 kHz with tags and a bit reservoir',
    container: 'mp3',
    args: [...AUDIO, '-ar', '22050', '-c:a', 'libmp3lame', '-metadata', 'title=x', '-write_id3v1', '1', '-f', 'mp3'],
    demuxer: 'mp3',
    minFragments: 25,
    joinable: 'all',
  },
];

const OUTPUTS = ALL.filter(({ isLong }) => isLong !== true || process.env.STREAMPOOL_LONG === '1');

interface Fragment {
  bytes: Buffer;
  randomAccess: boolean;
  seconds: number | undefined;
}

interface Cut {
  inits: Buffer[];
  fragments: Fragment[];
}

function encode(args: string[]): Buffer {
  const result = spawnSync(FFMPEG, ['-v', 'error', '-nostdin', ...args, 'pipe:1'], { maxBuffer: 64 * 1024 ** 2 });
  expect(result.stderr.toString()).toBe('');
  return result.stdout;
}

function cut(container: OpaqueContainer, chunks: Iterable<Buffer>): Cut {
  const result: Cut = { inits: [], fragments: [] };
  const fragmenter = createFragmenter(container, {
    init: (bytes) => result.inits.push(bytes),
    fragment: (pieces, randomAccess, seconds) =>
      result.fragments.push({ bytes: Buffer.concat(pieces), randomAccess, seconds }),
  });
  for (const chunk of chunks) fragmenter.push(chunk);
  fragmenter.end();
  return result;
}

/** Chunks of 1 to `max` bytes, the same for the same seed. */
function* inChunks(bytes: Buffer, seed: number, max: number): Generator<Buffer> {
  let state = seed;
  for (let offset = 0; offset < bytes.length; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const length = 1 + (state % max);
    yield bytes.subarray(offset, offset + length);
    offset += length;
  }
}

/** A program stream does not say where sound begins, so that of a joiner begins some frames late, with complaints. */
function withoutLateSound(container: OpaqueContainer, complaints: string): string {
  if (container !== 'mpeg') return complaints;
  return complaints.replace(/^(?:\[mp2 .*\] Header missing|Error while decoding stream #0:1: .*)\n/gm, '');
}

/** What FFmpeg says when it decodes, and the checksum of each frame it got, per stream. */
function decode(demuxer: string, bytes: Buffer): { complaints: string; frames: string[][] } {
  const args = ['-v', 'repeat+error', '-f', demuxer, '-i', 'pipe:0', '-map', '0', '-f', 'framemd5', 'pipe:1'];
  const { stdout, stderr } = spawnSync(FFMPEG, args, { input: bytes, maxBuffer: 64 * 1024 ** 2 });
  const frames: string[][] = [];
  for (const line of stdout.toString().split('\n')) {
    const fields = line.split(',').map((field) => field.trim());
    if (line.startsWith('#') || fields.length < 6) continue;
    const stream = Number(fields[0]);
    frames[stream] = [...(frames[stream] ?? []), fields[5] ?? ''];
  }
  return { complaints: stderr.toString(), frames };
}

/** FFmpeg knows the sizes of its clusters; a live muxer that streams them does not. */
function withClustersOfUnknownSize(bytes: Buffer): Buffer {
  const result = Buffer.from(bytes);
  const id = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);
  for (let at = result.indexOf(id); at >= 0; at = result.indexOf(id, at + 4)) {
    const length = Math.clz32(result.readUInt8(at + 4)) - 23;
    result.fill(0xff, at + 4, at + 4 + length);
    result.writeUInt8(0xff >> (length - 1), at + 4);
  }
  return result;
}

describe.each(OUTPUTS)('$title', ({ container, args, demuxer, minFragments, joinable, change }) => {
  let output: Buffer;
  let whole: Cut;

  beforeAll(() => {
    const encoded = encode(args);
    output = change === undefined ? encoded : change(encoded);
    whole = cut(container, [output]);
  });

  it('is cut into one initialisation and many fragments, some or all of which can be joined at', () => {
    expect(whole.inits).toHaveLength(1);
    expect(whole.fragments.length).toBeGreaterThanOrEqual(minFragments);
    const points = whole.fragments.filter(({ randomAccess }) => randomAccess).length;
    expect(points).toBeGreaterThanOrEqual(3);
    if (joinable === 'all') expect(points).toBe(whole.fragments.length);
    else expect(points).toBeLessThan(whole.fragments.length);
  });

  it('is cut the same way however its bytes arrive', () => {
    for (const max of [31, 5000]) expect(cut(container, inChunks(output, SEED, max))).toEqual(whole);
  });

  it('loses no frame', () => {
    const bytes = Buffer.concat([...whole.inits, ...whole.fragments.map((fragment) => fragment.bytes)]);
    const original = decode(demuxer, output).frames;
    const kept = decode(demuxer, bytes).frames;
    // Only a last cluster whose end nothing shows may be missing.
    const complete = change === undefined ? original : original.map((frames, i) => frames.slice(0, kept[i]?.length));
    expect(kept).toEqual(complete);
    expect(kept[0]?.length).toBeGreaterThan(FPS * (SECONDS - 1) - 1);
  });

  it('decodes from every random access point on, without a complaint', () => {
    const points = whole.fragments.flatMap(({ randomAccess }, index) => (randomAccess ? [index] : []));
    // The first, the last and two between.
    const chosen = [0, 1 / 3, 2 / 3, 1].map((part) => points[Math.floor((points.length - 1) * part)] ?? 0);
    for (const point of new Set(chosen)) {
      const rest = whole.fragments.slice(point).map((fragment) => fragment.bytes);
      const { complaints, frames } = decode(demuxer, Buffer.concat([...whole.inits, ...rest]));
      expect(withoutLateSound(container, complaints), `joining at fragment ${point}`).toBe('');
      for (const each of frames) expect(each.length, `joining at fragment ${point}`).toBeGreaterThan(0);
    }
  });

  it('says when each fragment starts', () => {
    const times = whole.fragments
      .filter(({ randomAccess }) => randomAccess)
      .map(({ seconds }) => seconds ?? Number.NaN);
    expect(times[0]).toBeCloseTo(0, 1);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeGreaterThan(SECONDS - 1.5);
    expect(times.at(-1)).toBeLessThan(SECONDS + 0.1);
  });

  it('drops what is incomplete at the end', () => {
    const shortened = cut(container, [output.subarray(0, Math.floor(output.length * 0.6))]);
    expect(shortened.fragments.length).toBeLessThan(whole.fragments.length);
    const common = whole.fragments.slice(0, shortened.fragments.length);
    // The last group of whole frames, tags or packets may be short.
    const groups = ['adts', 'mp3', 'flv', 'mpeg'].includes(container);
    expect(shortened.fragments.slice(0, groups ? -1 : undefined)).toEqual(groups ? common.slice(0, -1) : common);
  });
});

describe('outputs that nobody could join', () => {
  const refuse = (container: OpaqueContainer, bytes: Buffer) => () => cut(container, [bytes]);
  const video = [...VIDEO.slice(0, -1), 'testsrc2=size=160x96:rate=25:duration=1', ...H264];

  it('names the missing flag of an mp4 that counts from the start of the file', () => {
    const bytes = encode([...video, ...MP4, 'frag_keyframe+empty_moov']);
    expect(refuse('mp4', bytes)).toThrow(/default_base_moof/);
  });

  it('names the missing flag of an mp4 whose header holds media', () => {
    const bytes = encode([...video, ...MP4, 'frag_keyframe+default_base_moof']);
    expect(refuse('mp4', bytes)).toThrow(/empty_moov/);
  });

  it('refuses a box, an element or a tag that is larger than what is kept, before it has come', () => {
    const box = Buffer.alloc(16);
    box.writeUInt32BE(MAX_PIECE_BYTES + 1, 0);
    box.write('moov', 4);
    expect(refuse('mp4', box)).toThrow(/larger/);
    // An EBML header, then a cluster of 64 MiB.
    const ebml = Buffer.from('1a45dfa380' + '1549a96680' + '1f43b67514000000', 'hex');
    expect(refuse('matroska', ebml)).toThrow(/larger/);
    expect(refuse('mp3', Buffer.from([...Buffer.from('ID3'), 4, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f]))).toThrow(/larger/);
  });

  it.each(['mp4', 'mov', 'matroska', 'webm', 'flv', 'mpeg', 'ogg', 'adts', 'mp3'] as const)(
    'refuses what is not %s',
    (container) => {
      const html = Buffer.from('<!doctype html><title>Not found</title>'.repeat(10));
      expect(refuse(container, html)).toThrow(ContainerError);
    },
  );

  it('never fails with anything but its own error, and never hangs, on damaged bytes', () => {
    const outputs: [OpaqueContainer, Buffer][] = [
      ['mp4', encode([...video, ...MP4, 'frag_keyframe+empty_moov+default_base_moof'])],
      ['matroska', encode([...video, '-f', 'matroska'])],
      ['adts', encode([...AUDIO, ...AAC, '-f', 'adts'])],
      ['flv', encode([...video, '-flvflags', 'no_duration_filesize', '-f', 'flv'])],
      ['mpeg', encode([...video.slice(0, -H264.length), '-c:v', 'mpeg2video', '-f', 'vob'])],
      ['ogg', encode([...video.slice(0, -H264.length), '-c:v', 'libtheora', '-f', 'ogg'])],
    ];
    for (const [container, bytes] of outputs) {
      let state = SEED;
      for (let round = 0; round < 200; round += 1) {
        const damaged = Buffer.from(bytes);
        for (let hit = 0; hit < 5; hit += 1) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          // Mostly in the headers, where it matters.
          damaged.writeUInt8(state >>> 24, (state >>> 4) % (round % 2 === 0 ? 1000 : bytes.length));
        }
        try {
          cut(container, [damaged]);
        } catch (error) {
          expect(error).toBeInstanceOf(ContainerError);
        }
      }
    }
  });
});
