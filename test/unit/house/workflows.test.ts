/** The GitHub workflows, which cannot run here, held against GitHub's own parser, bash, and what they call. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const FOLDER = join(ROOT, '.github', 'workflows');
const FILES = readdirSync(FOLDER);
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');

/** GitHub's parser as one module: as it is published it imports JSON in a way that Node 20 refuses. */
async function loadParser(): Promise<typeof import('@actions/workflow-parser')> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from '@actions/workflow-parser';", resolveDir: ROOT },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')}`);
}

const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await loadParser();

/** What GitHub would say of a workflow before it runs it. */
async function complaints(name: string, content: string): Promise<string[]> {
  const fileProvider = {
    getFileContent: async ({ path }: { path: string }) => ({
      name: path,
      content: readFileSync(join(ROOT, path), 'utf8'),
    }),
  };
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  const parsed = context.errors.getErrors().map(({ message }) => message);
  if (value === undefined || parsed.length > 0) return parsed.length > 0 ? parsed : ['it is empty'];
  const { errors = [] } = await convertWorkflowTemplate(context, value, fileProvider, {
    fetchReusableWorkflowDepth: 1,
  });
  return errors.map(({ Message }) => Message);
}

const step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const workflow = z.object({
  on: z.record(z.string(), z.unknown()),
  jobs: z.record(z.string(), z.object({ uses: z.string().optional(), steps: z.array(step).optional() })),
});
const jobsOf = (file: string) => Object.values(workflow.parse(parse(read(file))).jobs);
const stepsOf = (file: string) => jobsOf(file).flatMap(({ steps = [] }) => steps);
const scriptsOf = (file: string) => stepsOf(file).flatMap(({ run = [] }) => run);

describe.each(FILES)('%s', (file) => {
  it('is what GitHub takes', async () => {
    expect(await complaints(file, read(file))).toEqual([]);
  });

  it('has scripts that bash reads, without expressions that GitHub would paste into them', () => {
    for (const script of scriptsOf(file)) {
      execFileSync('bash', ['-n'], { input: script });
      expect(script).not.toContain('${{');
    }
  });

  it('uses no action but those of GitHub itself, by version, and files that exist', () => {
    for (const { uses } of [...jobsOf(file), ...stepsOf(file)]) {
      if (uses?.startsWith('./')) expect(existsSync(join(ROOT, uses)), uses).toBe(true);
      else if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
    }
  });

  it('names no host of a registry', () => {
    const images = [...read(file).matchAll(/^ *image: (.+)$/gm)].map(([, image]) => image ?? '');
    // The first part of a name is a host when it has a dot or a port.
    for (const image of images) expect(image).toMatch(/^(\$\{\{|[a-z]+[:/])/);
    expect(scriptsOf(file).join('\n')).not.toMatch(/docker login (?!"\$REGISTRY")/);
  });
});

describe('the parser', () => {
  it.each([
    ['a key that does not exist', 'timeout-minutes: 60', 'timeout: 60'],
    ['a context that does not exist', 'github.ref }}', 'gitbub.ref }}'],
    ['a job without a machine', '    runs-on: ubuntu-24.04\n', ''],
  ])('refuses %s', async (_, right, wrong) => {
    const content = read('checks.yml');
    expect(content).toContain(right);
    expect(await complaints('checks.yml', content.replace(right, wrong))).not.toEqual([]);
  });

  it('refuses a job that waits for one that does not exist', async () => {
    const content = read('image.yml').replace('needs: checks', 'needs: check');
    expect(await complaints('image.yml', content)).not.toEqual([]);
  });
});

it('runs .ci/run on every push to a branch', () => {
  expect(workflow.parse(parse(read('checks.yml'))).on.push).toEqual({ branches: ['**'] });
  expect(scriptsOf('checks.yml')).toContain('.ci/run');
});

it('publishes on a tag, once the same checks have passed, the target of the Dockerfile that the image is', () => {
  const { on, jobs } = workflow.parse(parse(read('image.yml')));
  expect(on).toEqual({ push: { tags: ['v*'] } });
  expect(jobs.checks?.uses).toBe('./.github/workflows/checks.yml');
  const [, dockerfile = '', target = ''] =
    /docker build -f (\S+) --target (\S+)/.exec(scriptsOf('image.yml').join('\n')) ?? [];
  expect(readFileSync(join(ROOT, dockerfile), 'utf8')).toMatch(new RegExp(`^FROM \\S+ AS ${target}$`, 'm'));
});
