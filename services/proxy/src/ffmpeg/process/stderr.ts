/** Reads FFmpeg's stderr: its last lines, its progress and the duration. */
import { maskText } from '../../../../shared/masking/mask.ts';
import type { FfmpegProgress } from './exit.ts';

/** Enough for the errors with which FFmpeg ends. */
const KEPT_LINES = 50;
const MAX_LINE_LENGTH = 500;

export class StderrReader {
  readonly lines: string[] = [];
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
    // Statistics.
    if (/\bspeed=\s*\d+(?:\.\d+)?(?:e[+-]?\d+)?x/.test(line)) return;
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();

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
