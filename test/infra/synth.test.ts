/** `npx cdk synth` as people run it: with the command line tool, without network, credentials or Docker; and what it makes of the functions. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../infra/root.ts';
import { TEST_IMAGE } from './support.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'streampool-synth-'));
const networkLog = join(folder, 'network.log');

const buildable = existsSync(join(ROOT, 'services', 'proxy', 'Dockerfile'));
const image = buildable ? [] : ['--context', `image=${TEST_IMAGE}`];

/** Node alone on the PATH: no Docker, and no AWS anything. */
const env = {
  PATH: [join(ROOT, 'node_modules', '.bin'), join(process.execPath, '..')].join(':'),
  HOME: folder,
  NETWORK_LOG: networkLog,
  NODE_OPTIONS: `--require ${join(import.meta.dirname, 'no-network.cjs')}`,
  CDK_DISABLE_CLI_TELEMETRY: 'true',
};

async function cdk(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const cli = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  return run(process.execPath, [cli, ...args], { cwd: ROOT, env, encoding: 'utf8' });
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('cdk synth', () => {
  const out = join(folder, 'cdk.out');

  it('makes all stacks without network, credentials or Docker, and builds the functions once', async () => {
    const { stderr } = await cdk('synth', '--quiet', '--output', out, ...image);
    const templates = readdirSync(out).filter((name) => name.endsWith('.template.json'));
    expect(templates.sort()).toEqual(
      ['Admin', 'Network', 'Observability', 'Proxy', 'State'].map((stack) => `${stack}.template.json`),
    );
    expect(existsSync(networkLog) ? readFileSync(networkLog, 'utf8') : '').toBe('');
    // What build.mjs prints: one line for each build.
    expect(stderr.match(/^Built .*$/gm)).toEqual([
      expect.stringMatching(/front\/lambda\.mjs, .*registry-lambda\.mjs, .*authorizer\.mjs in \d+ ms/),
    ]);
  });

  it('would have been caught connecting', async () => {
    const log = join(folder, 'caught.log');
    const program = "fetch('http://192.0.2.1/').catch(() => process.exit(7))";
    const options = { env: { ...env, NETWORK_LOG: log } };
    await expect(run(process.execPath, ['-e', program], options)).rejects.toMatchObject({ code: 7 });
    expect(readFileSync(log, 'utf8')).toContain('192.0.2.1');
  });

  it('bundles each function whole: its module loads and has a handler', async () => {
    const assets = readdirSync(out).filter((name) => name.startsWith('asset.'));
    const modules = assets.flatMap((asset) =>
      readdirSync(join(out, asset))
        .filter((name) => name.endsWith('.mjs'))
        .map((name) => join(out, asset, name)),
    );
    expect(modules.map((file) => file.split('/').at(-1)).sort()).toEqual([
      'authorizer.mjs',
      'lambda.mjs',
      'registry-lambda.mjs',
    ]);
    for (const file of modules) {
      const program = `import(${JSON.stringify(file)}).then(({ handler }) => process.stdout.write(typeof handler))`;
      const { stdout } = await run(process.execPath, ['-e', program], { encoding: 'utf8' });
      expect(stdout, file).toBe('function');
    }
    const registry = modules.find((file) => file.endsWith('registry-lambda.mjs')) ?? '';
    expect(readdirSync(join(registry, '..', 'scripts')).filter((name) => name.endsWith('.lua')).length).toBeGreaterThan(
      5,
    );
  });

  it('deploys what the sources say now, whatever an earlier build left in dist', async () => {
    const home = join(folder, 'now');
    await run(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), '--functions', home], { cwd: ROOT });
    const bytesOf = (asset: string, file: string) => readFileSync(join(asset, file)).toString('base64');
    const deployed = readdirSync(out)
      .filter((name) => name.startsWith('asset.'))
      .map((name) => join(out, name));
    for (const [name, file] of Object.entries({
      front: 'lambda.mjs',
      registry: 'registry-lambda.mjs',
      authorizer: 'authorizer.mjs',
    })) {
      const asset = deployed.find((one) => existsSync(join(one, file))) ?? '';
      expect(bytesOf(asset, file) === bytesOf(join(home, name), file), `${file} is as it is built now`).toBe(true);
    }
  });

  it('refuses a stage with a sentence and no stack trace', async () => {
    const failed = cdk('synth', '--quiet', '--output', join(folder, 'refused'), '-c', 'redisReplicas=0');
    await expect(failed).rejects.toMatchObject({
      stderr: expect.stringMatching(/redisMultiAz: it needs at least one replica/),
    });
    await expect(failed).rejects.not.toMatchObject({ stderr: expect.stringMatching(/at .*\.ts:\d+/) });
  });

  it('refuses a stage that has neither a certificate nor insecureHttp, before anything is deployed', async () => {
    const failed = cdk('deploy', '--all', '--output', join(folder, 'plain'), '-c', 'insecureHttp=false');
    await expect(failed).rejects.toMatchObject({
      stderr: expect.stringContaining('insecureHttp: the stage "main" has no certificate'),
    });
    expect(existsSync(networkLog) ? readFileSync(networkLog, 'utf8') : '').toBe('');
  });

  it.skipIf(!buildable)('names the image by what it is built from, without building it', async () => {
    const assets = JSON.parse(readFileSync(join(out, 'Proxy.assets.json'), 'utf8')) as {
      dockerImages: Record<string, { source: { directory: string; dockerFile: string } }>;
    };
    const [built] = Object.values(assets.dockerImages);
    expect(built?.source.dockerFile).toBe('services/proxy/Dockerfile');
    const context = join(out, built?.source.directory ?? '');
    for (const source of copiedUpTo('worker', readFileSync(join(context, 'services/proxy/Dockerfile'), 'utf8')))
      expect(existsSync(join(context, source)), source).toBe(true);

    // As its Dockerfile does after `npm ci`.
    symlinkSync(join(ROOT, 'node_modules'), join(context, 'node_modules'));
    await run(process.execPath, ['scripts/bundle.mjs', 'proxy'], { cwd: context });
    const made = ['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'console', 'main.js', 'main.js.map', 'scripts', 'static'];
    expect(readdirSync(join(context, 'dist', 'proxy')).sort()).toEqual(made);
  });
});

/** What the stages of a Dockerfile take from the context, to the end of a stage: builders before BuildKit run all of them. */
function copiedUpTo(target: string, dockerfile: string): string[] {
  const [before = '', after = ''] = dockerfile.split(new RegExp(`(?<=^FROM \\S+ AS ${target}$)`, 'm'));
  const stages = before + after.split(/^FROM /m)[0];
  return [...stages.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
}
