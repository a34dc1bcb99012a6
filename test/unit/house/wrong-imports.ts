/** Finds imports that the table of folders does not allow, and says of each why, and what to do instead. */

import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { type Folder, PROXY } from './folders.ts';

const CIRCLE = 'no circle';
const TABLE = 'test/unit/house/folders.ts';

/** @param root holds `services/` */
export async function wrongImports(folders: readonly Folder[], root: string): Promise<string[]> {
  const { summary } = await graphOf(
    root,
    folders.map((folder) => ruleOf(folder, folders)),
  );
  return summary.violations.map(({ from, to, rule, cycle }) =>
    rule.name === CIRCLE
      ? `${from} imports itself, over ${cycle?.map(({ name }) => name).join(', ')}. Move what both need into a file of its own.`
      : sentence(from, to, folders),
  );
}

/** Arrows between folders that there are, as `from -> to`. */
export async function arrows(folders: readonly Folder[], root: string): Promise<Set<string>> {
  const { modules } = await graphOf(root, []);
  const named = (file: string) => folderOf(file, folders)?.name ?? '';
  return new Set(
    modules.flatMap(({ source, dependencies }) =>
      dependencies.map(({ resolved }) => `${named(source)} -> ${named(resolved)}`),
    ),
  );
}

/** The folder that holds a file. */
export function folderOf(file: string, folders: readonly Folder[]): Folder | undefined {
  return folders.find(({ name }) => new RegExp(within(name)).test(file));
}

/** Whether an entry of `uses` names a folder. */
export function names(entry: string, { name }: Folder): boolean {
  return entry.endsWith('/*') ? name.startsWith(entry.slice(0, -1)) : entry === name;
}

async function graphOf(root: string, rules: IForbiddenRuleType[]): Promise<ICruiseResult> {
  const { output } = await cruise(['services'], {
    baseDir: root,
    // TypeScript 7 has no parser for others to use. This one also sees imports of types.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // It cannot read JSX: the test of the folders looks at those files itself.
    exclude: { path: '^(?!services/)|\\.tsx$' },
    validate: true,
    ruleSet: { forbidden: [{ name: CIRCLE, severity: 'error', from: {}, to: { circular: true } }, ...rules] },
  });
  if (typeof output === 'string') throw new Error('dependency-cruiser answered a report in place of a result.');
  return output;
}

function ruleOf({ name, uses }: Folder, folders: readonly Folder[]): IForbiddenRuleType {
  const allowed = folders.filter((folder) => uses.some((entry) => names(entry, folder)));
  const pathNot = [name, ...allowed.map((folder) => folder.name)].map(within);
  return { name, severity: 'error', from: { path: within(name) }, to: { path: '^services/', pathNot } };
}

/** Matches the files of a folder, and with `**` those of the folders in it. */
function within(name: string): string {
  const path = name.startsWith('services/') ? name : `${PROXY}/${name}`;
  if (name.endsWith('/**')) return `^${path.slice(0, -2)}`;
  return name.endsWith('.ts') ? `^${path}$` : `^${path}/[^/]+$`;
}

function sentence(from: string, to: string, folders: readonly Folder[]): string {
  const mine = folderOf(from, folders);
  const theirs = folderOf(to, folders);
  const what = `${from} imports ${to}.`;
  if (mine === undefined || theirs === undefined) return `${what} ${TABLE} has no row for one of them.`;
  const subjects = `${mine.name} is ${mine.subject}; ${theirs.name} is ${theirs.subject}.`;
  const remedy =
    folders.indexOf(theirs) > folders.indexOf(mine)
      ? `${theirs.name} stands on ${mine.name}, not the other way round: declare in ${mine.name} what it needs as an interface, or move the code to where both can use it.`
      : `${mine.name} may use ${mine.uses.join(', ') || 'nothing'}. Move the code; or, if ${mine.name} really needs it, add ${theirs.name} to its row in ${TABLE} and say why in the commit.`;
  return `${what} ${subjects} ${remedy}`;
}
