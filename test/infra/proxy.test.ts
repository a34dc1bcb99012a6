/** The workers' service: how they run, are replaced, scaled and watched; and that the worker understands what the stack tells it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { ignoredSettings, loadConfig } from '../../services/proxy/src/config/config.ts';
import { SETTINGS, type SettingName } from '../../services/proxy/src/config/settings.ts';
import { TEST_IMAGE, templates, theOnly } from './support.ts';

const SERVICE = 'AWS::ECS::Service';
const TASK = 'AWS::ECS::TaskDefinition';
const POLICY = 'AWS::ApplicationAutoScaling::ScalingPolicy';

interface Container {
  readonly Name: string;
  readonly Environment: readonly { Name: string; Value: unknown }[];
  readonly Secrets?: readonly { Name: string }[];
  readonly [property: string]: unknown;
}

const { proxy } = templates();

function container(name: string, values: object = {}): Container {
  const containers = theOnly(templates(values).proxy, TASK).ContainerDefinitions as Container[];
  const found = containers.find(({ Name }) => Name === name);
  if (found === undefined) throw new Error(`There is no container ${name}.`);
  return found;
}

describe('a worker', () => {
  it('runs with an init process, a read-only root, /tmp in memory and no privileges but those that FFmpeg loses its own with', () => {
    proxy.hasResourceProperties(TASK, {
      ContainerDefinitions: Match.arrayWith([
        Match.objectLike({
          Name: 'worker',
          Image: TEST_IMAGE,
          Essential: true,
          ReadonlyRootFilesystem: true,
          LinuxParameters: Match.objectLike({ InitProcessEnabled: true }),
        }),
      ]),
    });
    // Docker's default set, but for SETUID and SETGID.
    const dropped =
      'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETPCAP SYS_CHROOT';
    expect(container('worker').LinuxParameters).toMatchObject({ Capabilities: { Drop: dropped.split(' ') } });
    expect(container('worker').LinuxParameters).toMatchObject({ Tmpfs: [{ ContainerPath: '/tmp', Size: 64 }] });
  });

  it('is given all the time that Fargate gives, and drains in less', () => {
    const worker = container('worker');
    expect(worker.StopTimeout).toBe(120);
    expect(Number(environmentOf(worker).DRAIN_TIMEOUT)).toBeLessThan(120);
  });

  it('is asked whether it lives by the probe of its image, which ends it when it hangs and is given the time for it', () => {
    const { Command, Timeout, StartPeriod } = container('worker').HealthCheck as Record<string, unknown>;
    const root = join(import.meta.dirname, '..', '..', 'services', 'proxy');
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
    const probe = readFileSync(join(root, 'probe.sh'), 'utf8');
    expect(Command).toEqual(['CMD', '/app/probe.sh']);
    expect(dockerfile).toMatch(/^WORKDIR \/app$/m);
    expect(dockerfile).toMatch(/^COPY services\/proxy\/probe\.sh \.\/$/m);
    const [, stage = ''] = /^FROM media AS worker\n([\s\S]*?)\n(?:FROM|$)/m.exec(dockerfile) ?? [];
    expect(stage).toMatch(/^HEALTHCHECK .*--timeout=10s .* CMD \["\/app\/probe\.sh"\]$/m);
    // Besides the answer: a second for its last word, and what a busy machine takes to start programs.
    const answer = Number(/^ANSWER=(\d+)$/m.exec(probe)?.[1]);
    expect(answer + 1).toBeLessThan(Number(Timeout) / 1.5);
    // It needs more than the worker itself.
    for (const program of ['curl', 'procps']) expect(dockerfile).toMatch(new RegExp(` install .* ${program} `));
    expect(StartPeriod).toBeDefined();
  });

  it('is the whole task, and has all of its memory', () => {
    const task = theOnly(proxy, TASK);
    expect((task.ContainerDefinitions as Container[]).map(({ Name }) => Name)).toEqual(['worker']);
    expect([task.Memory, container('worker').Memory]).toEqual(['4096', 4096]);
  });

  it('keeps idle connections longer than the load balancer', () => {
    expect(Number(environmentOf(container('worker')).KEEP_ALIVE_TIMEOUT)).toBeGreaterThan(600);
  });

  it('understands every setting it is given, and ignores none', () => {
    const environment = environmentOf(container('worker', { settings: { SHARED_STREAM_GRACE: '10' } }));
    expect(ignoredSettings(environment)).toEqual([]);
    expect(loadConfig(environment)).toMatchObject({
      port: 8085,
      relayPort: 9085,
      drainTimeoutMs: 110_000,
      deployDrainMs: 600_000,
      maxClientsPerSharedStream: 0,
      redisEnabled: true,
      redisPort: 6380,
      redisTls: true,
      recordings: 's3://bucket.example/recordings',
      recordingsMaxAgeMs: 30 * 86_400_000,
      sharedStreamGraceMs: 10_000,
      allowPrivateSources: { lan: false, loopback: false },
      memoryLimitBytes: 4096 * 1024 ** 2,
    });
  });

  it('can be given no setting that it does not read: that does not compile', () => {
    const read: SettingName[] = ['PORT', 'REDIS_HOST'];
    // @ts-expect-error no worker reads it; `npm run types` fails when this compiles
    const unread: SettingName[] = ['PORT', 'REDIS_HOSTS'];
    const names = Object.values(SETTINGS).map(({ env }): string => env);
    expect(read.every((name) => names.includes(name))).toBe(true);
    expect(unread.every((name) => names.includes(name))).toBe(false);
  });

  it('gets its secrets from Secrets Manager', () => {
    const names = container('worker').Secrets?.map(({ Name }) => Name);
    expect(names?.sort()).toEqual(['API_TOKEN', 'CLUSTER_SECRET', 'PLAYBACK_SECRET', 'REDIS_PASSWORD']);
  });

  it('lets everybody play who knows a stream, or asks for signed URLs where the stage says so', () => {
    const read = (values: object) => {
      const { PLAYBACK_AUTH, PLAYBACK_URL_TTL } = environmentOf(container('worker', values));
      return [PLAYBACK_AUTH, PLAYBACK_URL_TTL];
    };
    expect(read({})).toEqual(['open', undefined]);
    expect(read({ playbackAuth: 'signed' })).toEqual(['signed', undefined]);
    expect(read({ playbackAuth: 'signed', settings: { PLAYBACK_URL_TTL: 3600 } })).toEqual(['signed', '3600']);
  });

  it('logs without ever waiting for the log', () => {
    expect(container('worker').LogConfiguration).toMatchObject({ Options: { mode: 'non-blocking' } });
  });

  it('runs on the processor of the stage', () => {
    templates({ architecture: 'arm64', workerCpu: 4096, workerMemoryMiB: 8192 }).proxy.hasResourceProperties(TASK, {
      Cpu: '4096',
      Memory: '8192',
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
    });
  });

  it('has a shell only where the stage gives up the read-only root for it', () => {
    expect(container('worker', { allowExec: true }).ReadonlyRootFilesystem).toBe(false);
    templates({ allowExec: true }).proxy.hasResourceProperties(SERVICE, { EnableExecuteCommand: true });
    proxy.hasResourceProperties(SERVICE, { EnableExecuteCommand: false });
  });
});

describe('the service', () => {
  it('brings new workers before it takes old ones, and takes back what does not start or ends again', () => {
    proxy.hasResourceProperties(SERVICE, {
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        // A worker that is not ready is alive, and its container healthy: that must not wipe out the failures before it.
        DeploymentCircuitBreaker: { Enable: true, Rollback: true, ResetOnHealthyTask: false },
      },
    });
  });

  it('runs on the capacity provider FARGATE, which exists first, as a launch type could not be changed later', () => {
    const [service] = Object.values(proxy.findResources(SERVICE));
    expect(service?.Properties).not.toHaveProperty('LaunchType');
    expect(service?.Properties.CapacityProviderStrategy).toEqual([{ CapacityProvider: 'FARGATE', Base: 0, Weight: 1 }]);
    const [association] = Object.keys(
      proxy.findResources('AWS::ECS::ClusterCapacityProviderAssociations', {
        Properties: { CapacityProviders: Match.arrayWith(['FARGATE']) },
      }),
    );
    expect(association).toBeDefined();
    expect(service?.DependsOn).toContain(association);
  });

  it('starts once its role may pull the image and read the secrets', () => {
    const { ExecutionRoleArn } = theOnly(proxy, TASK) as { ExecutionRoleArn: { 'Fn::GetAtt': [string, string] } };
    const [role] = ExecutionRoleArn['Fn::GetAtt'];
    const [policy] = Object.keys(
      proxy.findResources('AWS::IAM::Policy', { Properties: { Roles: Match.arrayWith([{ Ref: role }]) } }),
    );
    expect(policy).toBeDefined();
    const [service] = Object.values(proxy.findResources(SERVICE));
    expect(service?.DependsOn).toEqual(expect.arrayContaining([role, policy]));
  });

  it('takes a deployment back when the load balancer itself fails, and for no fault of a provider', () => {
    const { Alarms } = theOnly(proxy, SERVICE).DeploymentConfiguration as { Alarms: Record<string, unknown> };
    const [id, ...others] = Object.keys(proxy.findResources('AWS::CloudWatch::Alarm'));
    expect(others).toEqual([]);
    expect(Alarms).toEqual({ Enable: true, Rollback: true, AlarmNames: [{ Ref: id }] });
    proxy.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'AWS/ApplicationELB',
      MetricName: 'HTTPCode_ELB_5XX_Count',
      Dimensions: [Match.objectLike({ Name: 'LoadBalancer' })],
      TreatMissingData: 'notBreaching',
    });
  });

  it('never resets the number of workers at a deployment', () => {
    expect(theOnly(proxy, SERVICE)).not.toHaveProperty('DesiredCount');
  });

  it('does not replace workers for not taking viewers, nor to even out zones', () => {
    const service = theOnly(proxy, SERVICE);
    expect(service.HealthCheckGracePeriodSeconds).toBeGreaterThan(365 * 86_400);
    // The type of the property in the API is a 32-bit integer.
    expect(service.HealthCheckGracePeriodSeconds).toBeLessThan(2 ** 31);
    expect(service.AvailabilityZoneRebalancing).toBe('DISABLED');
  });

  it('gives its tags to the tasks, which are what is billed, and has the one of the stage', () => {
    const { Tags, PropagateTags } = theOnly(proxy, SERVICE);
    expect(PropagateTags).toBe('SERVICE');
    expect(Tags).toContainEqual({ Key: 'streampool:stage', Value: 'test' });
  });

  it('has public addresses, and the groups of workers and of Redis clients', () => {
    const network = theOnly(proxy, SERVICE).NetworkConfiguration as { AwsvpcConfiguration: Record<string, unknown> };
    expect(network.AwsvpcConfiguration.AssignPublicIp).toBe('ENABLED');
    expect(network.AwsvpcConfiguration.SecurityGroups).toHaveLength(2);
  });

  it('is a member of the target group with the port for viewers, never the relay port', () => {
    proxy.hasResourceProperties(SERVICE, {
      LoadBalancers: [Match.objectLike({ ContainerName: 'worker', ContainerPort: 8085 })],
    });
  });

  it('scales on viewers per worker and on CPU', () => {
    const scaled = templates({ minWorkers: 3, maxWorkers: 12, viewersPerWorker: 250, cpuTarget: 70 }).proxy;
    scaled.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 3, MaxCapacity: 12 });
    scaled.resourceCountIs(POLICY, 2);
    scaled.hasResourceProperties(POLICY, {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        TargetValue: 250,
        CustomizedMetricSpecification: {
          Namespace: 'Streampool',
          MetricName: 'streampool_clients',
          Dimensions: [{ Name: 'Stage', Value: 'test' }],
          Statistic: 'Average',
        },
      }),
    });
    scaled.hasResourceProperties(POLICY, {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        TargetValue: 70,
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      }),
    });
  });

  it('lets workers protect themselves, and nothing beyond this cluster', () => {
    proxy.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'],
            Resource: Match.objectLike({ 'Fn::Join': Match.anyValue() }),
          }),
        ]),
      }),
    });
  });
});

/** Plain values as they are, references as a name that could be one. */
function environmentOf({ Environment }: Container): Record<string, string> {
  return Object.fromEntries(
    Environment.map(({ Name, Value }) => [Name, typeof Value === 'string' ? Value : referenceOf(Name, Value)]),
  );
}

function referenceOf(name: string, value: unknown): string {
  const known: Record<string, string> = { REDIS_HOST: 'redis.example', RECORDINGS: 's3://bucket.example/recordings' };
  return known[name] ?? JSON.stringify(value);
}
