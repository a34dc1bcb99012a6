/** Finds what a page says that is no longer so: links, anchors, paths and commands that lead nowhere. */
import { dirname, join, normalize } from 'node:path';
import { anchorOf, readPage } from './markdown.ts';

export interface Repository {
  /** Path from the root to text, for each page. */
  readonly pages: ReadonlyMap<string, string>;
  /** Every file, and every folder that holds one, by its path from the root. */
  readonly paths: ReadonlySet<string>;
  /** Name to the text of the programs that it runs: their options stand in it. */
  readonly npmScripts: ReadonlyMap<string, string>;
  /** The programs that npm installs: what `npx` finds without the network. */
  readonly programs: ReadonlySet<string>;
}

/** A code span that starts like this is a path of the repository. */
const TOP_FOLDERS = ['.ci', '.github', 'docs', 'examples', 'infra', 'local', 'scripts', 'services', 'test', 'tools'];
const PATH = /^[\w.-]+(?:\/[\w.-]+)*\/?(?:\*.*)?$/;
/** So is one with a folder and the ending of a source file, written from a folder further down. */
const SOURCE_FILE = /^[\w.-]+(?:\/[\w.-]+)+\.(?:ts|mts|mjs|lua|c|yml|md)$/;
const NPM_RUN = /\bnpm (?:run ([\w:-]+)|(start|test)\b)(?: -- ([^`\n]*))?/g;

/** One sentence for each fault; empty when the page is true. */
export function faultsOf(path: string, repository: Repository): string[] {
  const text = repository.pages.get(path) ?? '';
  const page = readPage(text);
  return [
    ...page.links.map((link) => linkFault(path, link, repository)),
    ...page.codeSpans.map((span) => pathFault(span, repository)),
    ...[...text.matchAll(NPM_RUN)].flatMap(([, name, short, options]) =>
      scriptFaults(name ?? short ?? '', options?.replace(/\s#.*/, '') ?? '', repository),
    ),
    ...page.runnable.flatMap((command) => commandFaults(command, repository)),
  ]
    .filter((fault) => fault !== undefined)
    .map((fault) => `${path}: ${fault}`);
}

function linkFault(from: string, link: string, { pages, paths }: Repository): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from : normalize(join(dirname(from), file)).replace(/\/$/, '');
  if (!paths.has(target)) return `the link ${link} leads to ${target}, which does not exist`;
  if (anchor === undefined) return undefined;
  const headings = readPage(pages.get(target) ?? '').headings.map(anchorOf);
  return headings.includes(anchor) ? undefined : `the link ${link}: ${target} has no heading with that anchor`;
}

function pathFault(span: string, { paths }: Repository): string | undefined {
  const [top = ''] = span.split('/');
  const whole = span.replace(/\*.*$/, '').replace(/\/$/, '');
  if (TOP_FOLDERS.includes(top) && span.includes('/') && PATH.test(span)) {
    return paths.has(whole) ? undefined : `\`${span}\` does not exist`;
  }
  if (!SOURCE_FILE.test(span)) return undefined;
  return [...paths].some((path) => path.endsWith(`/${span}`)) ? undefined : `no file ends in \`${span}\``;
}

function scriptFaults(name: string, options: string, { npmScripts }: Repository): string[] {
  const program = npmScripts.get(name);
  if (program === undefined) return [`\`npm run ${name}\`: package.json has no such script`];
  return [...options.matchAll(/--([a-z-]+)/g)]
    .filter(([, option = '']) => !new RegExp(`\\b${option}\\b`).test(program))
    .map(([option]) => `\`npm run ${name}\` takes no ${option}`);
}

/** What is wrong with a line of a runnable block. Assignments before a command (`PORT=8090 npm start`) are allowed. */
function commandFaults(line: string, repository: Repository): (string | undefined)[] {
  if (/<[\w ]+>|…/.test(line)) return [`the runnable command \`${line}\` has a placeholder`];
  return line.split(/\s*&&\s*/).map((command) => {
    const [program = '', argument = ''] = command.replace(/^(?:[A-Z_]+=\S* +)+/, '').split(/\s+/);
    if (program === 'npx' && !repository.programs.has(argument)) return `\`${command}\`: npm installs no ${argument}`;
    // What a build writes is not in the repository.
    if (!['sh', 'bash', 'node'].includes(program) || argument.startsWith('dist/')) return undefined;
    return repository.paths.has(argument) ? undefined : `\`${command}\`: ${argument} does not exist`;
  });
}
