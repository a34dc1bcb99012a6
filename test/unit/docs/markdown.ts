/** What a Markdown page says that can be wrong: its links, the paths it names, its commands. */

export interface Page {
  readonly prose: string;
  readonly headings: readonly string[];
  readonly links: readonly string[];
  readonly codeSpans: readonly string[];
  /** Commands of the blocks marked `<!-- runnable -->`: they work as they stand in a fresh clone. One a line, comments removed. */
  readonly runnable: readonly string[];
}

const FENCE = /^( *)```.*\n[\s\S]*?^\1```$/gm;
const RUNNABLE = /^<!-- runnable -->\n( *)```sh\n([\s\S]*?)^\1```$/gm;

export function readPage(text: string): Page {
  const prose = text.replace(FENCE, '');
  return {
    prose,
    headings: matches(prose, /^#+ (.+)$/gm),
    links: matches(prose.replace(/`[^`\n]*`/g, ''), /\]\(([^)\s]+)\)/g),
    codeSpans: matches(prose, /`([^`\n]+)`/g),
    runnable: [...text.matchAll(RUNNABLE)].flatMap(([, , block]) => commandsOf(block ?? '')),
  };
}

/** The anchor that GitHub makes of a heading: lower case, no punctuation, spaces as hyphens. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

function commandsOf(block: string): string[] {
  return block
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found ?? '');
}
