/** One worker on Fargate. */

import { Duration, Size } from 'aws-cdk-lib';
import {
  AwsLogDriverMode,
  Capability,
  type ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  Secret,
  TmpfsMountOption,
} from 'aws-cdk-lib/aws-ecs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { STOP_TIMEOUT_S, WORKER_KEEP_ALIVE_S } from '../limits.ts';
import { REDIS_PORT, RELAY_PORT, WORKER_PORT } from '../ports.ts';
import type { StateStack } from '../stacks/state.ts';
import { isPrivate } from '../worker-image.ts';
import type { WorkerEnvironment, WorkerSecrets } from '../worker-settings.ts';

export interface WorkerTaskProps {
  readonly stage: StageConfig;
  readonly state: StateStack;
  readonly image: ContainerImage;
  /** What the worker writes; CloudWatch makes metrics of some of its lines. */
  readonly log: LogGroup;
}

const WORKER = 'worker';
const DAY_S = 86_400;

/** Where the image has services/proxy/probe.sh. */
const PROBE = '/app/probe.sh';

/**
 * Docker's default capabilities without SETUID and SETGID. FFmpeg's sandbox uses those two to change the user, which hides
 * the worker's environment from FFmpeg on a kernel without Landlock. Fargate can drop capabilities but add none, so dropping
 * ALL does not work.
 */
const ALL_BUT_CHANGE_OF_USER: readonly Capability[] = [
  Capability.AUDIT_WRITE,
  Capability.CHOWN,
  Capability.DAC_OVERRIDE,
  Capability.FOWNER,
  Capability.FSETID,
  Capability.KILL,
  Capability.MKNOD,
  Capability.NET_BIND_SERVICE,
  Capability.NET_RAW,
  Capability.SETFCAP,
  Capability.SETPCAP,
  Capability.SYS_CHROOT,
];

export class WorkerTask extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly containerName = WORKER;

  constructor(scope: Construct, id: string, props: WorkerTaskProps) {
    super(scope, id);
    const { stage } = props;
    this.definition = new FargateTaskDefinition(this, 'Definition', {
      // Each stage has its own family: workers compare the revisions of their family.
      family: `streampool-${stage.stage}-worker`,
      cpu: stage.workerCpu,
      memoryLimitMiB: stage.workerMemoryMiB,
      runtimePlatform: {
        operatingSystemFamily: OperatingSystemFamily.LINUX,
        cpuArchitecture: stage.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
      },
    });
    this.#addWorker(props);
    if (isPrivate(stage)) {
      acknowledge(
        this.definition.obtainExecutionRole(),
        'IAM5[Resource::*]',
        'GetAuthorizationToken of ECR supports no resources. Pulling is allowed from one repository only.',
      );
    }
    acknowledge(
      this.definition,
      'ECS2',
      'These are settings, typed by the worker; its secrets come from Secrets Manager.',
    );
  }

  #addWorker({ stage, state, image, log }: WorkerTaskProps): void {
    const environment: WorkerEnvironment = {
      PORT: String(WORKER_PORT),
      RELAY_PORT: String(RELAY_PORT),
      PLAYBACK_AUTH: stage.playbackAuth,
      // The load balancer is in the VPC, and nothing else can reach the port.
      TRUST_PROXY: 'uniquelocal',
      KEEP_ALIVE_TIMEOUT: String(WORKER_KEEP_ALIVE_S),
      DRAIN_TIMEOUT: String(stage.drainTimeout),
      DEPLOY_DRAIN: String(stage.deployDrain),
      MAX_CLIENTS_PER_SHARED_STREAM: String(stage.maxClientsPerSharedStream),
      ALLOW_PRIVATE_SOURCES: stage.privateSources,
      MEMORY_LIMIT: `${stage.workerMemoryMiB}M`,
      METRICS_STAGE: stage.stage,
      RECORDINGS: state.recordings.place,
      RECORDINGS_MAX_AGE: String(stage.recordingsDays * DAY_S),
      REDIS_ENABLED: 'true',
      REDIS_HOST: state.redis.host,
      REDIS_SERVER_PORT: String(REDIS_PORT),
      REDIS_TLS: 'true',
    };
    const secrets: WorkerSecrets = {
      API_TOKEN: Secret.fromSecretsManager(state.apiToken),
      CLUSTER_SECRET: Secret.fromSecretsManager(state.clusterSecret),
      PLAYBACK_SECRET: Secret.fromSecretsManager(state.playbackSecret),
      REDIS_PASSWORD: Secret.fromSecretsManager(state.redis.password),
    };
    this.definition.addContainer(WORKER, {
      image,
      essential: true,
      memoryLimitMiB: stage.workerMemoryMiB,
      environment: { ...stage.settings, ...environment },
      secrets,
      portMappings: [{ containerPort: WORKER_PORT }, { containerPort: RELAY_PORT }],
      // The maximum; DRAIN_TIMEOUT ends before it.
      stopTimeout: Duration.seconds(STOP_TIMEOUT_S),
      // The probe of the image, which ends a worker that hangs: ECS does not act on the health of a container in the endless
      // grace period of the service. It asks whether the worker lives, not whether it takes viewers.
      healthCheck: {
        command: ['CMD', PROBE],
        interval: Duration.seconds(15),
        timeout: Duration.seconds(10),
        retries: 4,
        startPeriod: Duration.seconds(30),
      },
      readonlyRootFilesystem: !stage.allowExec,
      linuxParameters: this.#linux(),
      // Lines that cannot be written are dropped, so logging never blocks a stream.
      logging: LogDrivers.awsLogs({
        logGroup: log,
        streamPrefix: WORKER,
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(8),
      }),
    });
  }

  /** An init process that reaps orphans of FFmpeg, a /tmp in memory, and no privileges. */
  #linux(): LinuxParameters {
    const linux = new LinuxParameters(this, 'Linux', { initProcessEnabled: true });
    linux.addTmpfs({
      containerPath: '/tmp',
      size: 64,
      mountOptions: [TmpfsMountOption.NOEXEC, TmpfsMountOption.NOSUID, TmpfsMountOption.NODEV],
    });
    linux.dropCapabilities(...ALL_BUT_CHANGE_OF_USER);
    return linux;
  }
}
