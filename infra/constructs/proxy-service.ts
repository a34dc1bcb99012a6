/** The workers as a service: how many, how they are replaced, what they may do. */

import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import {
  AvailabilityZoneRebalancing,
  type CfnService,
  Cluster,
  type ContainerImage,
  FargateService,
  PropagatedTagSource,
} from 'aws-cdk-lib/aws-ecs';
import { ApplicationTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { workerMetric } from '../metrics.ts';
import { WORKER_PORT } from '../ports.ts';
import type { NetworkStack } from '../stacks/network.ts';
import type { StateStack } from '../stacks/state.ts';
import { deploymentAlarm } from './deployment-alarm.ts';
import { WorkerTask } from './worker-task.ts';

export interface ProxyServiceProps {
  readonly stage: StageConfig;
  readonly network: NetworkStack;
  readonly state: StateStack;
  readonly image: ContainerImage;
}

export class ProxyService extends Construct {
  readonly cluster: Cluster;
  readonly service: FargateService;
  readonly log: LogGroup;

  constructor(scope: Construct, id: string, { stage, network, state, image }: ProxyServiceProps) {
    super(scope, id);
    this.cluster = new Cluster(this, 'Cluster', { vpc: network.vpc, enableFargateCapacityProviders: true });
    this.log = new LogGroup(this, 'Log', { retention: stage.logRetentionDays });
    const task = new WorkerTask(this, 'Task', { stage, state, image, log: this.log });

    this.service = new FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: task.definition,
      // Not a launch type: to change that into this later, CloudFormation would replace the service and cut every viewer. A
      // weight without a base puts all workers on FARGATE, as the launch type would.
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE', base: 0, weight: 1 }],
      // No desiredCount: each deployment would reset the number of workers to it, while viewers watch.
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      // Workers reach sources and AWS through their own addresses, without a NAT gateway; see the network stack.
      assignPublicIp: true,
      securityGroups: [network.workers, state.redis.clients],
      // New workers start before old ones stop. A revision is taken back when its workers do not start, or end again: one that
      // is not ready after five minutes ends itself.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      deploymentAlarms: deploymentAlarm(this, network.edge),
      // ECS replaces every task that is unhealthy to the load balancer, even a protected one. A draining worker answers
      // /readyz with 503 to get no new viewers, so its viewers would be cut within minutes. In the grace period ECS ignores
      // the load balancer, and also the health of containers (CreateService, healthCheckGracePeriodSeconds). It never ends:
      // /readyz decides about new viewers only, and the container's probe itself ends a worker that hangs.
      healthCheckGracePeriod: Duration.days(3650),
      // Rebalancing the zones would stop workers with viewers.
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      enableExecuteCommand: stage.allowExec,
      // Fargate bills tasks, so the cost of a stage shows only when they have its tag.
      propagateTags: PropagatedTagSource.SERVICE,
    });
    // Without its policy the role can neither pull the image nor read the secrets, and the first tasks would fail. With the
    // cluster goes the resource that allows the capacity provider there.
    this.service.node.addDependency(task.definition.obtainExecutionRole(), this.cluster);
    this.#countEveryFailure();
    // Imported, because the network stack has opened the port: the group itself would add its own rules here.
    const { targetGroup, loadBalancer } = network.edge;
    const members = ApplicationTargetGroup.fromTargetGroupAttributes(this, 'Members', {
      targetGroupArn: targetGroup.targetGroupArn,
      loadBalancerArns: loadBalancer.loadBalancerArn,
    });
    members.addTarget(
      this.service.loadBalancerTarget({ containerName: task.containerName, containerPort: WORKER_PORT }),
    );
    this.#scale(stage);
    this.#grantTaskProtection(task.definition.taskRole);
    state.recordings.grantTo(task.definition.taskRole);
    if (stage.allowExec) {
      acknowledge(
        task.definition.taskRole,
        'IAM5[Resource::*]',
        'ECS Exec has no resources that a policy could name. It is for development only.',
      );
    }
    Validations.of(members).acknowledge({
      id: 'Annotation::@aws-cdk/aws-elbv2:albTargetGroupCannotRegisterConnectable',
      reason: 'The network stack has opened the port already.',
    });
    acknowledge(
      this.cluster,
      'ECS4',
      'The workers publish what is watched here in their log; Container Insights would bill some 30 further metrics.',
    );
  }

  /**
   * A worker without Redis lives, so its container is healthy until it ends for not being ready. By default each healthy task
   * sets the failures of the deployment back to 0, and such a revision would never be taken back.
   */
  #countEveryFailure(): void {
    const service = this.service.node.defaultChild as CfnService;
    service.addPropertyOverride('DeploymentConfiguration.DeploymentCircuitBreaker.ResetOnHealthyTask', false);
  }

  /** Adds workers when either metric is high, removes them when both are low. Workers with viewers are protected from removal. */
  #scale({ stage, minWorkers, maxWorkers, viewersPerWorker, cpuTarget }: StageConfig): void {
    const scaling = this.service.autoScaleTaskCount({ minCapacity: minWorkers, maxCapacity: maxWorkers });
    const cooldown = { scaleOutCooldown: Duration.minutes(1), scaleInCooldown: Duration.minutes(10) };
    // The usual metric, requests per target, is useless here: one request may last for hours.
    scaling.scaleToTrackCustomMetric('Viewers', {
      metric: workerMetric(stage, 'clients', 'Average'),
      targetValue: viewersPerWorker,
      ...cooldown,
    });
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: cpuTarget, ...cooldown });
  }

  /** Workers with viewers ask the ECS agent on their host to protect them from scale-in and deployments. */
  #grantTaskProtection(taskRole: IRole): void {
    const tasks = Stack.of(this).formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${this.cluster.clusterName}/*`,
    });
    taskRole.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'], resources: [tasks] }),
    );
    acknowledgeWildcard(
      taskRole,
      tasks,
      'A worker does not know its task id before it runs; these are the tasks of this cluster and two harmless actions.',
    );
  }
}
