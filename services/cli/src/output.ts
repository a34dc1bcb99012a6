/** Where the command writes: text for people, JSON for programs, and on a terminal what is drawn again in its place. */

import { styleText } from 'node:util';

export interface Output {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  /** Characters in a line of the terminal, and lines. */
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
  /** Beside what was asked for: it does not go into a pipe. */
  note(text: string): void;
}

/** What this process was started with. */
export function processOutput(): Output {
  const { stdout, stderr } = process;
  return {
    isTerminal: stdout.isTTY === true,
    // Node asks NO_COLOR.
    colors: stdout.isTTY === true && stdout.hasColors(),
    size: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
    write: (text) => void stdout.write(text),
    note: (text) => void stderr.write(text),
  };
}

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

export function painter({ colors }: Pick<Output, 'colors'>): Paint {
  return (style, text) => (colors ? styleText(style, text, { validateStream: false }) : text);
}

/** Draws the same again and again: on a terminal in its place, elsewhere one after the other. */
export class Picture {
  readonly #out: Output;
  /** Lines that are on the terminal. */
  #lines = 0;

  constructor(out: Output) {
    this.#out = out;
  }

  /** @param lines without colours that a cut line would leave open; they are cut to the width of the terminal */
  draw(lines: readonly string[]): void {
    if (!this.#out.isTerminal) {
      this.#out.write(`${lines.join('\n')}\n\n`);
      return;
    }
    const { columns, rows } = this.#out.size();
    const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => [...line].slice(0, columns).join(''));
    // Up to its first line, and from there on everything is cleared.
    const back = this.#lines === 0 ? '' : `\u001b[${this.#lines}F\u001b[J`;
    this.#out.write(`${back}${shown.join('\n')}\n`);
    this.#lines = shown.length;
  }
}
