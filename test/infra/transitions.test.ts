/**
 * The matrix: every stage can become every other one by a deployment, or the refusal of AWS is known and says what to do. And
 * what each stage has in place of the defaults.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Refusal, refusals } from '../../infra/transitions/transition.ts';
import { differences } from './differences.ts';
import { IMPOSSIBLE, type Impossible, stageOf, VARIANTS, type VariantName, variant, ZONES } from './variants.ts';

const folder = mkdtempSync(join(tmpdir(), 'streampool-stages-'));
const networkLog = join(folder, 'network.log');
process.env.NETWORK_LOG = networkLog;
createRequire(import.meta.url)('./no-network.cjs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const between = (from: VariantName, to: VariantName): Refusal[] =>
  refusals(variant(from), variant(to), { zones: ZONES });

const knownAbout = (from: VariantName, to: VariantName): Impossible[] =>
  IMPOSSIBLE.filter(({ isSo }) => isSo(stageOf(from), stageOf(to)));

// First, because a test here makes one stage, and the others below use all of them.
describe('a stage passes the checks, and differs from the defaults as the golden file says', () => {
  const file = join(import.meta.dirname, 'golden-variants.txt');
  const current = (name: VariantName) => differences(variant('defaults'), variant(name)).join('\n');
  if (process.env.UPDATE_GOLDEN === 'true') {
    writeFileSync(file, VARIANTS.map((name) => `# ${name}\n${current(name)}\n`).join('\n'));
  }
  const golden = new Map(
    readFileSync(file, 'utf8')
      .split(/^# /m)
      .slice(1)
      .map((section): [string, string] => {
        const [name = '', ...lines] = section.trim().split('\n');
        return [name, lines.join('\n')];
      }),
  );

  it('has every stage, and no other', () => {
    expect([...golden.keys()]).toEqual(VARIANTS);
  });

  it.each(VARIANTS)('"%s"', (name) => {
    expect(
      current(name),
      `If that is meant, write the file anew with
UPDATE_GOLDEN=true npx vitest run --project infra test/infra/transitions.test.ts`,
    ).toBe(golden.get(name));
  });

  it('without a look at the network', () => {
    expect(existsSync(networkLog) ? readFileSync(networkLog, 'utf8') : '').toBe('');
  });
});

describe('a deployment makes every other stage', () => {
  it.each(VARIANTS)('of "%s"', (from) => {
    for (const to of VARIANTS) {
      const known = knownAbout(from, to);
      const unknown = between(from, to).filter(({ says }) => !known.some((each) => each.says.test(says)));
      expect(unknown, `from "${from}" to "${to}"`).toEqual([]);
    }
  });
});

describe('AWS refuses it, because', () => {
  it.each(IMPOSSIBLE)('$why', ({ isSo, says, by }) => {
    const steps = VARIANTS.flatMap((from) => VARIANTS.map((to) => ({ from, to }))).filter(({ from, to }) =>
      isSo(stageOf(from), stageOf(to)),
    );
    expect(steps.length).toBeGreaterThan(0);
    for (const { from, to } of steps) {
      const said = between(from, to).filter((each) => says.test(each.says));
      expect(said.length, `from "${from}" to "${to}"`).toBeGreaterThan(0);
      expect(said.map(({ whatToDo }) => whatToDo).join()).toMatch(/[Dd]eploy/);
      if (by !== undefined && knownAbout(from, to).length === 1) {
        expect([between(from, by), between(by, to)], `from "${from}" to "${to}"`).toEqual([[], []]);
      }
    }
  });
});
