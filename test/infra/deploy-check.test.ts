/** `npm run deploy:check` against recorded accounts: what it refuses, what it lets through, and that it only reads. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../infra/root.ts';
import type { StageStack } from '../../infra/transitions/stage-stacks.ts';
import { check } from '../../tools/deploy-check/check.ts';
import { report } from '../../tools/deploy-check/report.ts';
import { type Context, stageStacks } from '../../tools/deploy-check/synthesis.ts';
import { PLACE, type Recorded, recordedAccount } from './recorded-account.ts';

const DOMAIN = {
  domain: 'tv.example.com',
  certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/abc',
};
const zones = (...letters: string[]) => JSON.stringify(letters.map((letter) => `eu-central-1${letter}`));
/** Without it the image's files are hashed for each synthesis. */
const IMAGE = { image: 'registry.example/streampool:1' };

const made = new Map<string, StageStack[]>();

/** The templates that a deployment of a stage has left in the account. */
function deployed(context: Context = {}): StageStack[] {
  const key = JSON.stringify(context);
  const stacks = made.get(key) ?? stageStacks({ ...IMAGE, ...context }, PLACE);
  made.set(key, stacks);
  return stacks;
}

async function said(recorded: Recorded, context: Context = {}): Promise<string> {
  const { client } = recordedAccount(recorded);
  return report(await check(client, { ...IMAGE, ...context }), PLACE.region);
}

describe('deploy:check refuses', () => {
  it('three zones to two, and says what to do', async () => {
    const text = await said({ stacks: deployed({ zones: '3' }) }, { zones: '2' });
    expect(text).toMatch(
      /The export streampool-main-network:\S+PublicSubnet3\S+ would vanish, while streampool-main-proxy still imports it\./,
    );
    expect(text).toMatch(/What to do: zones: leave the deployed zones as they are.*Deploy a stage of another name/);
    // One cause, one piece of advice.
    expect(text.match(/What to do/g)).toHaveLength(1);
  });

  it.each<[string, Context, Context]>([
    ['two zones to a list of others', { zones: '2' }, { zones: zones('b', 'c') }],
    ['a list of zones to a number that means others', { zones: zones('b', 'c') }, { zones: '2' }],
    ['a list to the same one in another order', { zones: zones('a', 'b') }, { zones: zones('b', 'a') }],
  ])('%s', async (_, from, to) => {
    expect(await said({ stacks: deployed(from) }, to)).toMatch(
      /AWS::EC2::Subnet \S+ would be replaced because of AvailabilityZone\.[\s\S]*wants the range 10\.64\.0\.0\/20/,
    );
  });

  it.each<[string, Context, Context]>([
    [
      'one Redis node to several with failover',
      { redisReplicas: '0', redisMultiAz: 'false' },
      { redisReplicas: '1', redisMultiAz: 'true' },
    ],
    [
      'several with failover to one',
      { redisReplicas: '1', redisMultiAz: 'true' },
      { redisReplicas: '0', redisMultiAz: 'false' },
    ],
  ])('%s, and names the step in between', async (_, from, to) => {
    expect(await said({ stacks: deployed(from) }, to)).toContain(
      'Deploy twice. First with redisReplicas 1 and redisMultiAz false',
    );
    const between = { redisReplicas: '1', redisMultiAz: 'false' };
    expect(await said({ stacks: deployed(from) }, between)).toContain('Nothing stands in the way');
    expect(await said({ stacks: deployed(between) }, to)).toContain('Nothing stands in the way');
  });

  it('what only a stack of other people still imports', async () => {
    const stacks = deployed().map((stack) =>
      stack.name.endsWith('-network') ? { ...stack, template: withExport(stack, 'Gone') } : stack,
    );
    expect(await said({ stacks })).toContain('Nothing stands in the way');
    expect(await said({ stacks, stranger: { name: 'the-wiki', imports: 'Gone' } })).toMatch(
      /The export streampool-main-network:Gone would vanish, while the-wiki still imports it\.\nWhat to do: Take the setting back/,
    );
  });

  it.each([
    ['UPDATE_IN_PROGRESS', 'Wait until it has ended'],
    ['UPDATE_ROLLBACK_FAILED', 'continue-update-rollback --stack-name streampool-main-proxy'],
    ['DELETE_FAILED', 'delete-stack --stack-name streampool-main-proxy'],
  ])('a stack in %s', async (status, way) => {
    const text = await said({ stacks: deployed(), status: { 'streampool-main-proxy': status } });
    expect(text).toContain(`streampool-main-proxy: It is ${status}.`);
    expect(text).toContain(way);
  });
});

describe('deploy:check lets through', () => {
  it.each<[string, Context, Context]>([
    ['no change', {}, {}],
    ['a domain', {}, DOMAIN],
    ['no domain any more', DOMAIN, {}],
    ['other admins', {}, { adminAuth: 'iam' }],
    ['a third zone', { zones: '2' }, { zones: '3' }],
    ['a list of the zones that a number has taken', { zones: '2' }, { zones: zones('a', 'b') }],
    ['a number that means the zones of the list', { zones: zones('a', 'b') }, { zones: '3' }],
    ['another processor', {}, { architecture: 'arm64' }],
  ])('%s', async (_, from, to) => {
    expect(await said({ stacks: deployed(from) }, to)).toBe(
      'Nothing stands in the way. In eu-central-1 are streampool-main-network, streampool-main-state, streampool-main-proxy, ' +
        'streampool-main-admin, streampool-main-observability; each can become what the stage says.\n',
    );
  });

  it('a stage of which nothing is deployed', async () => {
    expect(await said({ stacks: [] })).toBe(
      'Nothing of this stage is deployed in eu-central-1, so nothing stands in its way.\n',
    );
  });

  it('a stack whose creation has failed, which has no resources', async () => {
    const status = { 'streampool-main-network': 'ROLLBACK_COMPLETE' };
    const [network] = deployed({ zones: '3' });
    expect(await said({ stacks: network === undefined ? [] : [network], status }, { zones: '2' })).toContain(
      'so nothing stands in its way',
    );
  });
});

describe('deploy:check', () => {
  it('only reads', async () => {
    const { client, calls } = recordedAccount({ stacks: deployed({ zones: '3' }) });
    await check(client, { ...IMAGE, zones: '2' });
    expect([...new Set(calls())].sort()).toEqual([
      'DescribeStacksCommand',
      'GetTemplateCommand',
      'ListExportsCommand',
      'ListImportsCommand',
    ]);
  });

  it('does not take an error of the account for an answer', async () => {
    const stacks = deployed({ zones: '3' });
    const { client } = recordedAccount({ stacks, hidesImports: true });
    await expect(check(client, { ...IMAGE, zones: '2' })).rejects.toThrow('is not authorized to perform');
  });

  it('refuses a stage that works nowhere, before it asks', async () => {
    const { client, calls } = recordedAccount({ stacks: [] });
    await expect(check(client, { ...IMAGE, redisReplicas: '0' })).rejects.toThrow(
      'redisMultiAz: it needs at least one',
    );
    expect(calls()).toEqual([]);
  });
});

describe('npm run deploy:check', () => {
  const run = promisify(execFile);
  const tool = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    run(process.execPath, ['--import', 'tsx', join(ROOT, 'tools', 'deploy-check.ts'), ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: '/nowhere', AWS_EC2_METADATA_DISABLED: 'true', ...env },
    });

  it('asks CloudFormation in the region of the stage, and says what it found', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(String(request.headers.authorization));
      response.end(
        '<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>',
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'us-east-1',
    };
    const { stdout } = await tool(env, '-c', 'region=eu-west-1').finally(() => server.close());
    expect(stdout).toBe('Nothing of this stage is deployed in eu-west-1, so nothing stands in its way.\n');
    expect(asked[0]).toContain('/eu-west-1/cloudformation/');
  });

  it.each<[string, NodeJS.ProcessEnv, string[], string]>([
    ['without credentials', { AWS_REGION: 'eu-west-1' }, [], 'There are no AWS credentials in the shell'],
    ['without a region', {}, [], 'No region is known. Set region in the stage'],
    ['for an option that is none', {}, ['-c', 'zones'], '-c zones: it must be name=value.'],
    ['for a stage that cdk.json does not have', {}, ['-c', 'stage=prod'], 'cdk.json has no stage "prod"'],
  ])('%s ends with 1 and says why', async (_, env, args, sentence) => {
    await expect(tool(env, ...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) });
  });
});

/** The template with one export more, as an older version of the project may have had it. */
function withExport({ name, template }: StageStack, id: string): StageStack['template'] {
  return { ...template, Outputs: { ...template.Outputs, [id]: { Value: 'x', Export: { Name: `${name}:${id}` } } } };
}
