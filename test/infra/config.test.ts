/** Which stages there can be: the defaults, what the command line says, and each refusal with its sentence. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { checkStage, readStage, StageError, stageTable } from '../../infra/config.ts';
import { checkPlainHttp } from '../../infra/plain-http.ts';

const CERTIFICATE = 'arn:aws:acm:eu-central-1:123456789012:certificate/abc';

const problemsOf = (values: object): readonly string[] => {
  try {
    checkStage({ stage: 'test', ...values });
    return [];
  } catch (error) {
    if (error instanceof StageError) return error.problems;
    throw error;
  }
};

describe('a stage', () => {
  it('needs nothing said', () => {
    expect(readStage(new App().node)).toMatchObject({
      stage: 'main',
      zones: 2,
      minWorkers: 2,
      maxWorkers: 10,
      maxClientsPerSharedStream: 0,
      redisReplicas: 1,
      redisMultiAz: true,
      adminAuth: 'token',
      playbackAuth: 'open',
    });
  });

  it('is taken from cdk.json by its name, and the command line wins over it', () => {
    const stages = { prod: { minWorkers: 3, maxWorkers: 8 } };
    const app = new App({ context: { stages, stage: 'prod', maxWorkers: '12', privateSources: 'false' } });
    expect(readStage(app.node)).toMatchObject({
      stage: 'prod',
      minWorkers: 3,
      maxWorkers: 12,
      privateSources: 'false',
    });
  });

  it('must be one of cdk.json when it is named', () => {
    const app = new App({ context: { stages: { dev: {} }, stage: 'prod' } });
    expect(() => readStage(app.node)).toThrow('cdk.json has no stage "prod"; it has dev.');
  });

  it('does not overlook a mistyped name on the command line', () => {
    expect(() => readStage(new App({ context: { maxworkers: '20' } }).node)).toThrow('maxworkers: a stage has no such');
  });

  it('may say why it is as it is', () => {
    expect(problemsOf({ '//': 'for a try' })).toEqual([]);
  });

  it('without a certificate is refused or says that it allows plain HTTP, which is then said aloud', () => {
    const check = (values: object) => checkPlainHttp(checkStage({ stage: 'prod', ...values }));
    expect(() => check({})).toThrow('insecureHttp: the stage "prod" has no certificate');
    expect(check({ insecureHttp: true })).toMatch(/^Warning: the stage "prod" has no certificate/);
    expect(check({ domain: 'tv.example.com', certificateArn: CERTIFICATE })).toBeUndefined();
  });

  it('of cdk.json can be deployed as it is in a fresh clone, also the one that nobody names, and says why it may', () => {
    const { stages } = cdkJson.context;
    for (const stage of [undefined, ...Object.keys(stages)]) {
      const context = { stages, ...(stage === undefined ? {} : { stage }) };
      expect(() => checkPlainHttp(readStage(new App({ context }).node)), stage).not.toThrow();
    }
    for (const [name, stage] of Object.entries(stages)) {
      if (stage.insecureHttp) expect(stage['//'], name).toContain('insecureHttp: ');
    }
  });

  it('says everything that is wrong at once', () => {
    expect(problemsOf({ minWorkers: 5, maxWorkers: 2, drainTimeout: 120 })).toHaveLength(2);
  });
});

describe('a stage is refused for', () => {
  it.each<[string, object, string]>([
    ['CPU that Fargate does not have', { workerCpu: 3000 }, 'Fargate has no tasks of 3000 CPU units'],
    ['memory that does not go with the CPU', { workerCpu: 2048, workerMemoryMiB: 2048 }, 'offers 4096 to 16384 MiB'],
    ['memory between the steps', { workerCpu: 8192, workerMemoryMiB: 17 * 1024 }, 'in fixed steps, not 17408'],
    ['too little memory', { workerCpu: 256, workerMemoryMiB: 512 }, 'a worker needs at least 768 MiB, not 512'],
    ['fewer at most than at least', { minWorkers: 3, maxWorkers: 2 }, '3 is more than maxWorkers, 2'],
    ['draining longer than Fargate waits', { drainTimeout: 120 }, 'Fargate kills a worker after 120 s'],
    [
      'a deployment that CloudFormation would not wait for',
      { maxWorkers: 20 },
      '20 workers could take 4.6 hours, and CloudFormation rolls it back after 3; take a deployDrain of 309 or less',
    ],
    [
      'more workers than can be replaced in time at all',
      { maxWorkers: 100, deployDrain: 0 },
      'take fewer, larger workers',
    ],
    ['a domain without a certificate', { domain: 'tv.example.com' }, 'it needs a certificateArn'],
    ['a certificate without a domain', { certificateArn: CERTIFICATE }, 'it needs a domain'],
    ['a zone to write to without a domain', { hostedZoneId: 'Z123ABC' }, 'it needs a domain to write into the zone'],
    ['a VPC that is too small', { vpcCidr: '10.1.0.0/20' }, 'vpcCidr: it must be a /16 to /18'],
    [
      'a VPC of public addresses',
      { vpcCidr: '100.64.0.0/16' },
      'workers trust the load balancer by its private address',
    ],
    ['a range that is none', { vpcCidr: '10.1.0.0' }, 'must be an IPv4 range'],
    [
      'subnets of no VPC',
      { publicSubnetIds: ['subnet-0aaaaaaa', 'subnet-0bbbbbbb'] },
      'it has no effect without a vpcId',
    ],
    ['a VPC without its zones', { vpcId: 'vpc-01234567' }, 'zones: with a vpcId it must be the list'],
    [
      'a VPC without a subnet for each zone',
      { vpcId: 'vpc-01234567', zones: ['us-east-1a', 'us-east-1b'], publicSubnetIds: ['subnet-0aaaaaaa'] },
      'publicSubnetIds: it has 1 subnets for 2 zones.\nisolatedSubnetIds: it has 0 subnets for 2 zones.',
    ],
    [
      'a range for a VPC that exists',
      { vpcId: 'vpc-01234567', vpcCidr: '10.1.0.0/16', zones: ['us-east-1a', 'us-east-1b'] },
      'vpcCidr: it has no effect with a vpcId',
    ],
    [
      'a certificate of another region',
      { region: 'us-east-1', domain: 'tv.example.com', certificateArn: CERTIFICATE },
      'a load balancer in us-east-1 cannot use it',
    ],
    [
      'zones of another region',
      { region: 'us-east-1', zones: ['us-east-1a', 'eu-central-1b'] },
      'eu-central-1b cannot be',
    ],
    ['a zone twice', { zones: ['us-east-1a', 'us-east-1a'] }, 'named twice'],
    ['one zone', { zones: 1 }, 'zones:'],
    ['Multi-AZ without a replica', { redisReplicas: 0 }, 'it needs at least one replica'],
    ['a JWT of anybody', { adminAuth: 'jwt', jwtIssuer: 'https://issuer.example' }, 'needs jwtIssuer and jwtAudience'],
    ['a JWT issuer that is not asked', { jwtIssuer: 'https://issuer.example' }, 'have no effect with "token"'],
    ['playback auth that there is not', { playbackAuth: 'token' }, 'playbackAuth:'],
    [
      'a lifetime of URLs that do not expire',
      { settings: { PLAYBACK_URL_TTL: 60 } },
      'it has no effect with playbackAuth "open"',
    ],
    ['playback auth past its own setting', { settings: { PLAYBACK_AUTH: 'signed' } }, 'the stack sets it'],
    ['a secret in the template', { settings: { PLAYBACK_SECRET: 'x'.repeat(16) } }, 'it comes from Secrets Manager'],
    ['a setting that workers do not have', { settings: { GRACE: '3' } }, 'workers have no such setting'],
    ['a setting that the stack sets', { settings: { REDIS_HOST: 'here' } }, 'the stack sets it'],
    ['a setting that is a secret', { settings: { API_TOKEN: 'abc' } }, 'it comes from Secrets Manager'],
    ['a setting that each worker has its own of', { settings: { WORKER_ID: 'a' } }, 'cannot be the same for all'],
    [
      'a value that workers refuse',
      { settings: { SHARED_STREAM_GRACE: 'long' } },
      'SHARED_STREAM_GRACE="long": must be',
    ],
    ['pages of everybody', { settings: { CORS_ORIGINS: '*' } }, 'settings.CORS_ORIGINS="*": must be a list of origins'],
    ['private sources that are no ranges', { privateSources: '10.0/8' }, 'privateSources: must be true, false, or'],
    ['the whole VPC as a source', { privateSources: 'true' }, 'reach the worker itself and its VPC'],
    ['viewers of no range', { viewerRanges: ['everyone'] }, 'must be IPv4 ranges'],
    ['a retention that CloudWatch does not have', { logRetentionDays: 31 }, 'logRetentionDays: must be one of 1, 3'],
    ['a name that does not exist', { worker: 2 }, 'worker: a stage has no such setting'],
    ['a name that no stack can have', { stage: 'Prod_1' }, 'lower-case letters and digits'],
  ])('%s', (_, values, sentence) => {
    expect(problemsOf(values).join('\n')).toContain(sentence);
  });
});

describe('a stage is allowed', () => {
  it.each<[string, object]>([
    [
      'a domain with a certificate and a zone',
      { domain: 'tv.example.com', certificateArn: CERTIFICATE, hostedZoneId: 'Z1' },
    ],
    ['a range of its VPC', { vpcCidr: '192.168.0.0/18' }],
    [
      'a VPC that exists',
      {
        vpcId: 'vpc-01234567',
        zones: ['us-east-1a', 'us-east-1b'],
        publicSubnetIds: ['subnet-0aaaaaaa', 'subnet-0bbbbbbb'],
        isolatedSubnetIds: ['subnet-1aaaaaaa', 'subnet-1bbbbbbb'],
      },
    ],
    ['pages of two origins', { settings: { CORS_ORIGINS: 'https://a.example,http://nas:36400' } }],
    ['the smallest worker there can be', { workerCpu: 256, workerMemoryMiB: 1024 }],
    ['the largest', { workerCpu: 16_384, workerMemoryMiB: 120 * 1024 }],
    ['named private sources', { privateSources: '10.1.0.0/16,lan' }],
    ['settings of the workers', { settings: { SHARED_STREAM_GRACE: 10, STREAM_SHARING_STRATEGY: 'url_only' } }],
    ['signed URLs and their lifetime', { playbackAuth: 'signed', settings: { PLAYBACK_URL_TTL: 3600 } }],
    ['many workers that are replaced in time', { maxWorkers: 20, deployDrain: 309 }],
    ['one Redis node without fail-over', { redisReplicas: 0, redisMultiAz: false }],
    ['JWTs of one issuer for one audience', { adminAuth: 'jwt', jwtIssuer: 'https://i.example', jwtAudience: ['a'] }],
  ])('%s', (_, values) => {
    expect(problemsOf(values)).toEqual([]);
  });
});

it('stands in docs/deploy-aws.md as the code has it (`npm run docs` writes it)', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploy-aws.md'), 'utf8');
  expect(/<!-- stage -->\n([\s\S]*?)\n<!-- \/stage -->/.exec(page)?.[1]?.trim()).toBe(stageTable());
  expect(stageTable()).not.toContain('undefined');
});

it('stands in "Changing a stage" of docs/deploy-aws.md with every setting', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploy-aws.md'), 'utf8');
  const section = /^## \d+\. Changing a stage$([\s\S]*?)^## /m.exec(page)?.[1] ?? '';
  const settings = [...stageTable().matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(settings.length).toBeGreaterThan(30);
  expect(settings.filter((name) => !section.includes(`\`${name}\``))).toEqual([]);
});
