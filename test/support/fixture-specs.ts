/** What each test loop consists of: FFmpeg arguments, and the frame counts that make its end meet its beginning. */
import { CODE_HEIGHT, CODE_WIDTH, numberFilter } from './numbered/picture-code.ts';
import { SAMPLE_RATE, TONE_SOURCE } from './numbered/tone-code.ts';

export interface VideoSpec {
  codec: 'h264' | 'hevc' | 'mpeg2';
  /** Ticks (90 kHz) of one frame. */
  frameTicks: number;
  frames: number;
  /** Frames from keyframe to keyframe; undefined when only the loop's first frame is one. */
  gopFrames: number | undefined;
}

export interface AudioSpec {
  codec: 'adts' | 'mpa' | 'ac3';
  sampleRate: number;
  samplesPerFrame: number;
  frames: number;
}

export interface LoopSpec {
  about: string;
  video: VideoSpec | undefined;
  audio: AudioSpec;
  /** Length of one loop in 90 kHz ticks: a whole number of video and of audio frames. */
  loopTicks: number;
  /** FFmpeg arguments, without the output, that produce exactly `video.frames` frames; undefined without video. */
  videoArgs: string[] | undefined;
  /** The same for `audio.frames`. A separate FFmpeg makes them: it ends all streams of an output with the first complete one. */
  audioArgs: string[];
}

const TICKS = 90_000;
const X264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-preset', 'veryfast', '-sc_threshold', '0', '-threads', '1'];

interface Recipe {
  about: string;
  /** Seconds of one loop as a fraction, so that 29.97 fps and 44.1 kHz give whole numbers. */
  seconds: [numerator: number, denominator: number];
  rate?: [numerator: number, denominator: number];
  gopFrames?: number;
  size?: string;
  picture?: string;
  codec?: VideoSpec['codec'];
  /** Encoder arguments; null: no video. */
  encoder?: string[] | null;
  interlaced?: boolean;
  intraRefresh?: boolean;
  /** Appended to the picture's filter graph. */
  filter?: string;
  bitrate?: string;
  audio?: AudioSpec['codec'];
  sampleRate?: number;
  tone?: number;
  /** A source of sound in place of one tone. */
  sound?: string;
  /** Appended to the sound's filter graph. */
  audioFilter?: string;
}

const SAMPLES = { adts: 1024, mpa: 1152, ac3: 1536 };
const AUDIO_ENCODERS = {
  adts: ['-c:a', 'aac', '-b:a', '64k'],
  mpa: ['-c:a', 'mp2', '-b:a', '96k'],
  ac3: ['-c:a', 'ac3', '-b:a', '96k'],
};

function loop(recipe: Recipe): LoopSpec {
  const [numerator, denominator] = recipe.seconds;
  const rate = recipe.rate ?? [25, 1];
  const codec = recipe.audio ?? 'adts';
  const sampleRate = recipe.sampleRate ?? 48_000;
  const samplesPerFrame = SAMPLES[codec];
  const audioFrames = whole((numerator * sampleRate) / (denominator * samplesPerFrame));
  const frames = whole((numerator * rate[0]) / (denominator * rate[1]));
  const hasVideo = recipe.encoder !== null;
  const gop = recipe.gopFrames ?? 50;
  const bitrate = recipe.bitrate ?? '250k';
  // The interlace filter makes one frame out of two.
  const sourceRate = `${recipe.interlaced ? rate[0] * 2 : rate[0]}/${rate[1]}`;
  const picture = [
    `${recipe.picture ?? 'testsrc2'}=size=${recipe.size ?? '320x180'}:rate=${sourceRate}`,
    ...(recipe.interlaced ? ['interlace=scan=tff'] : []),
    ...(recipe.filter === undefined ? [] : [recipe.filter]),
  ];
  const sound = recipe.sound ?? `sine=frequency=${recipe.tone ?? 440}:sample_rate=${sampleRate}`;
  return {
    about: recipe.about,
    loopTicks: whole((numerator * TICKS) / denominator),
    video: hasVideo
      ? {
          codec: recipe.codec ?? 'h264',
          frameTicks: whole((TICKS * rate[1]) / rate[0]),
          frames,
          gopFrames: recipe.intraRefresh ? undefined : gop,
        }
      : undefined,
    audio: { codec, sampleRate, samplesPerFrame, frames: audioFrames },
    videoArgs: hasVideo
      ? [
          ...['-f', 'lavfi', '-i', picture.join(','), '-frames:v', String(frames)],
          ...['-g', String(gop), '-b:v', bitrate, '-maxrate', bitrate, '-bufsize', bitrate],
          ...(recipe.encoder ?? [...X264, '-bf', '0']),
        ]
      : undefined,
    audioArgs: [
      ...['-f', 'lavfi', '-i', [sound, ...(recipe.audioFilter === undefined ? [] : [recipe.audioFilter])].join(',')],
      ...['-frames:a', String(audioFrames), ...AUDIO_ENCODERS[codec]],
    ],
  };
}

function whole(value: number): number {
  if (!Number.isInteger(value)) throw new Error(`a loop must hold whole frames, not ${value}`);
  return value;
}

/** Every picture says its number and every 100 ms of sound theirs: `numbered/`. */
function numbered(about: string, recipe: Partial<Recipe>): LoopSpec {
  return loop({
    about: `numbered pictures and tones: ${about}`,
    seconds: [64, 1],
    size: `${CODE_WIDTH}x${CODE_HEIGHT}`,
    filter: numberFilter(),
    bitrate: '200k',
    sampleRate: SAMPLE_RATE,
    sound: TONE_SOURCE,
    ...recipe,
  });
}

const INTERLACED = ['-flags', '+ildct+ilme'];

/** 0.2 s each at 0, 1 and 3 s of 8 s: only a shift by whole loops makes all three meet again. */
const SYNC_MARKS = 'lt(mod(t,8),0.2)+between(mod(t,8),1,1.2)+between(mod(t,8),3,3.2)';

/** Every loop by name. 8 s is the shortest length with whole 2 s GOPs at 25 fps and whole AAC frames at 48 kHz. */
export const LOOPS = {
  plain: loop({ about: 'H.264 without B-frames and AAC, 2 s GOP', seconds: [8, 1] }),
  bframes: loop({
    about: 'H.264 with two B-frames',
    seconds: [8, 1],
    encoder: [...X264, '-bf', '2', '-b_strategy', '0'],
  }),
  mp2: loop({ about: 'H.264 with MP2 audio', seconds: [12, 1], audio: 'mpa' }),
  ac3: loop({ about: 'H.264 with AC-3 audio', seconds: [8, 1], audio: 'ac3' }),
  'audio-only': loop({ about: 'AAC without video', seconds: [8, 1], encoder: null }),
  gop10: loop({ about: 'a keyframe every 10 s only', seconds: [40, 1], gopFrames: 250, bitrate: '150k' }),
  'intra-refresh': loop({
    about: 'no keyframe after the first: periodic intra refresh; a loop of 64 s',
    seconds: [64, 1],
    bitrate: '150k',
    intraRefresh: true,
    encoder: [...X264, '-bf', '0', '-x264-params', 'intra-refresh=1:keyint=50'],
  }),
  'fps-29.97': loop({
    about: '30000/1001 frames a second',
    seconds: [1921920, 90_000],
    rate: [30_000, 1001],
    gopFrames: 64,
  }),
  'fps-50': loop({ about: '50 frames a second', seconds: [8, 1], rate: [50, 1], gopFrames: 100 }),
  'interlaced-h264': loop({
    about: 'H.264, interlaced, top field first',
    seconds: [8, 1],
    size: '320x192',
    interlaced: true,
    encoder: [...X264, '-bf', '0', ...INTERLACED, '-x264-params', 'tff=1'],
  }),
  'interlaced-mpeg2': loop({
    about: 'MPEG-2, interlaced, top field first, MP2 audio',
    seconds: [12, 1],
    size: '320x192',
    codec: 'mpeg2',
    audio: 'mpa',
    bitrate: '600k',
    interlaced: true,
    encoder: ['-c:v', 'mpeg2video', '-bf', '0', '-sc_threshold', '1000000000', ...INTERLACED, '-top', '1'],
  }),
  mpeg2: loop({
    about: 'MPEG-2 with B-frames and MP2 audio',
    seconds: [12, 1],
    codec: 'mpeg2',
    audio: 'mpa',
    bitrate: '600k',
    encoder: ['-c:v', 'mpeg2video', '-bf', '2', '-flags', '+cgop', '-sc_threshold', '1000000000'],
  }),
  hevc: loop({
    about: 'HEVC',
    seconds: [8, 1],
    codec: 'hevc',
    encoder: [
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-x265-params'],
      'log-level=error:open-gop=0:scenecut=0:keyint=50:min-keyint=50:bframes=0:pools=1',
    ],
  }),
  'aac-44.1': loop({ about: 'AAC at 44.1 kHz', seconds: [1024, 100], gopFrames: 64, sampleRate: 44_100 }),
  other: loop({
    about: 'another look and size, with B-frames: a failover source',
    seconds: [8, 1],
    size: '480x270',
    picture: 'smptehdbars',
    tone: 880,
    encoder: [...X264, '-bf', '2', '-b_strategy', '0'],
  }),
  sync: loop({
    about: 'black and silent, but for a flash and a beep together, at distances that show which belong to each other',
    seconds: [8, 1],
    picture: 'color',
    filter: `drawbox=c=white:t=fill:enable='${SYNC_MARKS}'`,
    audioFilter: `volume='${SYNC_MARKS}':eval=frame`,
  }),
  dead: loop({
    about: 'black pictures, and sound that is digitally silent',
    seconds: [8, 1],
    picture: 'color',
    sound: 'anullsrc=channel_layout=stereo:sample_rate=48000',
  }),
  half: loop({
    about: 'a tone on the left, and nothing on the right; MP2',
    seconds: [12, 1],
    audio: 'mpa',
    sound: "aevalsrc='0.125*sin(2764*t)|0':sample_rate=48000",
  }),
  heavy: loop({
    about: '640x360 at about 4 Mbit/s, for load that is copied, not transcoded',
    seconds: [8, 1],
    size: '640x360',
    bitrate: '3900k',
    filter: 'noise=alls=40:allf=t',
    encoder: [...X264, '-preset', 'ultrafast', '-bf', '0'],
  }),
  heaviest: loop({
    about: 'about 16 Mbit/s, so that what a viewer does not read is soon more than its kernel takes',
    seconds: [8, 1],
    size: '640x360',
    bitrate: '15800k',
    filter: 'noise=alls=80:allf=t',
    encoder: [...X264, '-preset', 'ultrafast', '-bf', '0', '-x264-params', 'nal-hrd=cbr'],
  }),
  numbered: numbered('H.264 without B-frames', {}),
  'numbered-bframes': numbered('H.264 with two B-frames', { encoder: [...X264, '-bf', '2', '-b_strategy', '0'] }),
  'numbered-open-gop': numbered('H.264 whose B-frames refer over keyframes', {
    encoder: [...X264, '-bf', '2', '-b_strategy', '0', '-x264-params', 'open-gop=1'],
  }),
  'numbered-interlaced': numbered('H.264, interlaced, top field first', {
    interlaced: true,
    encoder: [...X264, '-bf', '0', ...INTERLACED, '-x264-params', 'tff=1'],
  }),
  '640x360': loop({
    about: '640x360 at about 1 Mbit/s, the bench source',
    seconds: [8, 1],
    size: '640x360',
    bitrate: '950k',
  }),
} satisfies Record<string, LoopSpec>;

export type LoopName = keyof typeof LOOPS;
