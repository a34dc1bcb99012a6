/** The workers as a service: how many, how they are replaced, what they may do. */

import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { AvailabilityZoneRebalancing, Cluster, type ContainerImage, FargateService } from 'aws-cdk-lib/aws-ecs';
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
    this.cluster = new Cluster(this, 'Cluster', { vpc: network.vpc });
    this.log = new LogGroup(this, 'Log', { retention: stage.logRetentionDays });
    const metricsLog = new LogGroup(this, 'MetricsLog', { retention: stage.logRetentionDays });
    const task = new WorkerTask(this, 'Task', { stage, state, image, log: this.log, metricsLog });

    this.service = new FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: task.definition,
      // No desiredCount: each deployment would set the number of workers back to it under their viewers.
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      // Their own way to sources and to AWS, instead of a NAT gateway; see the network stack.
      assignPublicIp: true,
      securityGroups: [network.workers, state.redis.clients],
      // New workers come before old ones go, and a revision that does not start is taken back.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      // ECS would replace whatever is unhealthy to the load balancer, task protection or not, and a worker that drains
      // answers /readyz with 503 so that it gets no new viewers: its viewers would be cut within minutes. With a grace
      // period that never ends, /readyz decides about new viewers alone, and /livez (in the task) about replacement.
      healthCheckGracePeriod: Duration.days(3650),
      // Evening out the zones stops workers, and with them viewers.
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      enableExecuteCommand: stage.allowExec,
    });
    // Imported, since it is the network stack that opens the port: the group itself would add rules of its own here.
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
    if (stage.allowExec) {
      acknowledge(
        task.definition.taskRole,
        'IAM5[Resource::*]',
        'ECS Exec has no resources to name; it is for development.',
      );
    }
    Validations.of(members).acknowledge({
      id: 'Annotation::@aws-cdk/aws-elbv2:albTargetGroupCannotRegisterConnectable',
      reason: 'The network stack has opened the port already.',
    });
    acknowledge(
      this.cluster,
      'ECS4',
      'The collector publishes what is watched here; Container Insights would bill some 30 further metrics.',
    );
  }

  /** Out when either says so, in when both do. Workers with viewers are protected: those who go are empty or drained. */
  #scale({ stage, minWorkers, maxWorkers, viewersPerWorker, cpuTarget }: StageConfig): void {
    const scaling = this.service.autoScaleTaskCount({ minCapacity: minWorkers, maxCapacity: maxWorkers });
    const cooldown = { scaleOutCooldown: Duration.minutes(1), scaleInCooldown: Duration.minutes(10) };
    // Requests per target, which is usual, says nothing here: a request may last for hours.
    scaling.scaleToTrackCustomMetric('Viewers', {
      metric: workerMetric(stage, 'clients', 'Average'),
      targetValue: viewersPerWorker,
      ...cooldown,
    });
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: cpuTarget, ...cooldown });
  }

  /** Workers with viewers ask the agent beside them to keep scaling and deployments off them. */
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
