/** Reads FFmpeg's stderr: its last lines, its progress, the duration, and what its input and output consist of. */
import { maskText } from '../../../../shared/masking/mask.ts';
import type { MediaFacts } from '../../../../shared/media-facts.ts';
import { Banner } from './banner.ts';
import type { FfmpegProgress } from './exit.ts';

/** Enough for the errors with which FFmpeg ends. */
const KEPT_LINES = 50;
/** Enough to see what it does. */
const SHOWN_LINES = 20;
const MAX_LINE_LENGTH = 500;
/** Only statistics have it. */
const SPEED = /\bspeed=\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)x/;

/** What an FFmpeg has said so far. */
export interface FfmpegSaid {
  /** Seconds of media made in a second since its start, as it last said; undefined in the first 10 s. */
  readonly speed?: number | undefined;
  /** The last ones, oldest first, with credentials masked. The newest statistics are the last one, once there are any. */
  readonly shown: readonly string[];
  readonly input: MediaFacts;
  readonly output: MediaFacts;
}

export class StderrReader implements FfmpegSaid {
  readonly lines: string[] = [];
  progress: FfmpegProgress = 'starting';
  readonly #banner = new Banner();
  #statistics: string | undefined;
  readonly #onDuration: (seconds: number | undefined) => void;
  #partial = '';

  /** @param onDuration Called when the header of the input shows its length in seconds; undefined when it has none. */
  constructor(onDuration: (seconds: number | undefined) => void) {
    this.#onDuration = onDuration;
  }

  get shown(): readonly string[] {
    const last = this.#statistics === undefined ? [] : [this.#statistics];
    return [...this.lines.slice(last.length - SHOWN_LINES), ...last];
  }

  get speed(): number | undefined {
    const [, speed] = SPEED.exec(this.#statistics ?? '') ?? [];
    return speed === undefined ? undefined : Number(speed);
  }

  get input(): MediaFacts {
    return this.#banner.input;
  }

  get output(): MediaFacts {
    return this.#banner.output;
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
    if (SPEED.test(line)) {
      this.#statistics = line;
      return;
    }
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.#banner.read(line);

    const [, header] = /\[info\] (Input|Output) #0, /.exec(line) ?? [];
    if (header !== undefined) this.progress = header === 'Input' ? 'input_open' : 'output_open';
    if (this.progress === 'input_open') {
      const duration = /\bDuration: (?:(\d+):(\d+):(\d+(?:\.\d+)?)|N\/A)/.exec(line);
      if (duration !== null) {
        const [, hours, minutes, secs] = duration;
        this.#onDuration(hours === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(secs));
      }
    }
  }
}
