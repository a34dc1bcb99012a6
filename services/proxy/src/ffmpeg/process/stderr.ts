/** Reads FFmpeg's stderr: its last lines, its progress, the duration and the streams. */
import { maskText } from '../../../../shared/masking/mask.ts';
import type { FfmpegProgress } from './exit.ts';

/** What is known about one side of a process, with the API's names. */
export interface MediaInfo {
  container?: string;
  resolution?: string;
  video_codec?: string;
  fps?: number;
  bitrate_kbps?: number;
  audio_codec?: string;
  audio_channels?: string;
}

export interface ProcessMediaInfo {
  input: MediaInfo;
  output: MediaInfo;
  /** Its speed: 1 is real time. */
  speed: number | undefined;
}

/** Enough for the errors with which FFmpeg ends. */
const KEPT_LINES = 50;
const MAX_LINE_LENGTH = 500;

export class StderrReader {
  readonly lines: string[] = [];
  readonly media: ProcessMediaInfo = { input: {}, output: {}, speed: undefined };
  progress: FfmpegProgress = 'starting';
  readonly #onDuration: (seconds: number | undefined) => void;
  #partial = '';

  /** @param onDuration Called when the header of the input shows its length in seconds; undefined when it has none. */
  constructor(onDuration: (seconds: number | undefined) => void) {
    this.#onDuration = onDuration;
  }

  /** Takes the next bytes. Returns the complete lines in them that report a problem, masked. */
  write(text: string): string[] {
    // Each line of statistics ends with a carriage return.
    const parts = (this.#partial + text).split(/[\r\n]+/);
    this.#partial = (parts.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    const problems: string[] = [];
    for (const part of parts) {
      const line = maskText(part.slice(0, MAX_LINE_LENGTH)).trimEnd();
      if (line === '') continue;
      this.#read(line);
      if (/\[(?:warning|error|fatal|panic)\]/.test(line)) problems.push(line);
    }
    return problems;
  }

  /** Takes the rest when FFmpeg has ended. */
  end(): void {
    this.write('\n');
  }

  #read(line: string): void {
    const speed = /\bspeed=\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)x/.exec(line);
    if (speed !== null) {
      this.media.speed = Number(speed[1]);
      const bitrate = /\bbitrate=\s*(\d+(?:\.\d+)?)kbits/.exec(line);
      if (bitrate !== null) this.media.output.bitrate_kbps = Math.round(Number(bitrate[1]));
      return;
    }
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();

    const header = /\[info\] (Input|Output) #0, (\S+),/.exec(line);
    if (header?.[1] === 'Input') {
      this.progress = 'input_open';
      this.media.input.container = header[2] ?? '';
    } else if (header !== null) {
      this.progress = 'output_open';
      this.media.output.container = header[2] ?? '';
    }
    if (this.progress === 'input_open') {
      const duration = /\bDuration: (?:(\d+):(\d+):(\d+(?:\.\d+)?)|N\/A)/.exec(line);
      if (duration !== null) {
        const [, hours, minutes, secs] = duration;
        this.#onDuration(hours === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(secs));
      }
    }
    if (this.progress !== 'starting') {
      readStream(line, this.progress === 'input_open' ? this.media.input : this.media.output);
    }
  }
}

/** `Stream #0:0[0x100]: Video: h264 (High) (...), yuv420p, 640x360 [SAR 1:1 DAR 16:9], 25 fps, ...`; the first of each kind counts. */
function readStream(line: string, info: MediaInfo): void {
  const match = /\bStream #0:\d+\S*?: (Video|Audio): (\w+)(.*)$/.exec(line);
  if (match === null) return;
  const [, kind, codec = '', rest = ''] = match;
  if (kind === 'Video' && info.video_codec === undefined) {
    info.video_codec = codec;
    const size = /\b(\d{2,5}x\d{2,5})\b/.exec(rest)?.[1];
    if (size !== undefined) info.resolution = size;
    const fps = Number(/(\d+(?:\.\d+)?) fps/.exec(rest)?.[1]);
    if (fps > 0) info.fps = fps;
  } else if (kind === 'Audio' && info.audio_codec === undefined) {
    info.audio_codec = codec;
    const channels = /\d+ Hz, ([^,]+)/.exec(rest)?.[1];
    if (channels !== undefined) info.audio_channels = channels;
  }
}
