/** The image of the workers: what may change without replacing them, and where it comes from. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { afterAll, describe, expect, it } from 'vitest';
import { addChecks } from '../../infra/checks.ts';
import { ROOT } from '../../infra/root.ts';
import { addStacks } from '../../infra/streampool.ts';
import { imageOptions } from '../../infra/worker-image.ts';
import { templates, testApp, testStage, theOnly } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'streampool-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A checkout: what git has, as it is here. */
const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);

function checkout(): string {
  const copy = mkdtempSync(join(folder, 'checkout-'));
  for (const place of new Set(files.map(dirname))) mkdirSync(join(copy, place), { recursive: true });
  for (const file of files) copyFileSync(join(ROOT, file), join(copy, file));
  return copy;
}

function hashOf(copy: string): string {
  const options = imageOptions('x86_64');
  return new DockerImageAsset(new Stack(new App({ outdir: mkdtempSync(join(folder, 'out-')) })), 'Image', {
    ...options,
    directory: copy,
  }).assetHash;
}

/** What the Dockerfile takes, up to the workers' stage. */
const NEEDED = ['services/cli', 'services/console', 'services/proxy', 'services/registry', 'services/shared'];
const NEEDED_FILES = [
  '.dockerignore',
  '.npmrc',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'LICENSE',
  'scripts/bundle.mjs',
  'scripts/console.mjs',
  'scripts/notices.mjs',
];

const foldersOf = (path: string) =>
  readdirSync(join(ROOT, path), { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && files.some((file) => file.startsWith(join(path, entry.name, '/'))),
  );
const top = foldersOf('.').map(({ name }) => name);
const services = foldersOf('services').map(({ name }) => `services/${name}`);

describe('the image', () => {
  const copy = checkout();
  const before = hashOf(copy);

  it.each([...top, ...services].filter((path) => path !== 'services'))(
    'depends on %s if it is built from it, else not',
    (path) => {
      const [file = ''] = files.filter((each) => each.startsWith(`${path}/`) && !NEEDED_FILES.includes(each));
      const added = join(copy, path, 'added.ts');
      writeFileSync(added, 'export {};\n');
      appendFileSync(join(copy, file), '\n');
      const after = hashOf(copy);
      rmSync(added);
      copyFileSync(join(ROOT, file), join(copy, file));
      expect(after === before ? 'the same image' : 'another image').toBe(
        NEEDED.includes(path) ? 'another image' : 'the same image',
      );
      expect(hashOf(copy)).toBe(before);
    },
  );

  it('depends on no other file of the top folder or of scripts than it needs', () => {
    const loose = files.filter((file) => !file.includes('/') || file.startsWith('scripts/'));
    const change = (changed: readonly string[]): string => {
      for (const file of changed) appendFileSync(join(copy, file), '\n');
      const after = hashOf(copy);
      for (const file of changed) copyFileSync(join(ROOT, file), join(copy, file));
      return after;
    };
    expect(change(loose.filter((file) => !NEEDED_FILES.includes(file)))).toBe(before);
    for (const file of NEEDED_FILES) expect(change([file]), file).not.toBe(before);
  });
});

describe('an image in ECR', () => {
  const ECR = '210987654321.dkr.ecr.eu-west-1.amazonaws.com/tv/streampool';
  const REPOSITORY = [':ecr:eu-west-1:210987654321:repository/tv/streampool'];

  it.each([`${ECR}:1.2`, `${ECR}@sha256:${'a'.repeat(64)}`, ECR])(
    '%s may be pulled, from its repository alone',
    (image) => {
      const { proxy } = templates({ image });
      const [{ Image }] = theOnly(proxy, 'AWS::ECS::TaskDefinition').ContainerDefinitions as [{ Image: unknown }];
      const name = JSON.stringify(Image).replace('{"Ref":"AWS::URLSuffix"}', '"amazonaws.com"');
      expect(JSON.parse(name)).toEqual({ 'Fn::Join': ['', expect.any(Array)] });
      expect((JSON.parse(name)['Fn::Join'][1] as string[]).join('')).toBe(image === ECR ? `${ECR}:latest` : image);
      proxy.hasResourceProperties('AWS::IAM::Policy', {
        PolicyDocument: Match.objectLike({
          Statement: Match.arrayWith([
            Match.objectLike({
              Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
              Resource: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ...REPOSITORY]] },
            }),
          ]),
        }),
      });
    },
  );

  it('leaves the synthesis nothing to refuse', () => {
    const app = testApp();
    addChecks(app);
    addStacks(app, testStage({ image: `${ECR}:1.2` }));
    expect(() => app.synth()).not.toThrow();
  });

  it('is not the one of a public registry, for which there is no right', () => {
    const { proxy } = templates({ image: 'registry.example/streampool:1' });
    expect(JSON.stringify(proxy.toJSON())).not.toContain('"ecr:');
  });
});
