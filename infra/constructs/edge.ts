/** The entrance for viewers: the load balancer, and the target group of the workers. */

import { Duration, Fn } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import {
  ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerAction,
  ListenerCondition,
  SslPolicy,
  TargetGroupLoadBalancingAlgorithmType,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { CfnRecordSet } from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { SETTINGS } from '../../services/proxy/src/config/settings.ts';
import { acknowledge } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { DEREGISTRATION_DELAY_S, IDLE_TIMEOUT_S } from '../limits.ts';
import { WORKER_PORT } from '../ports.ts';
import { routedPaths } from '../routes.ts';

export interface EdgeProps {
  readonly stage: StageConfig;
  readonly vpc: IVpc;
  /** The security group of the workers; this construct opens their port to the load balancer. */
  readonly workers: ISecurityGroup;
}

export class Edge extends Construct {
  readonly loadBalancer: ApplicationLoadBalancer;
  readonly targetGroup: ApplicationTargetGroup;
  /** The URL for viewers, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, { stage, vpc, workers }: EdgeProps) {
    super(scope, id);
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Load balancer: from viewers, to workers',
      allowAllOutbound: false,
    });
    this.loadBalancer = new ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc,
      internetFacing: true,
      securityGroup,
      dropInvalidHeaderFields: true,
      deletionProtection: stage.terminationProtection,
      // A playing stream is never idle. This limit is for viewers who pause a film: the worker keeps their place while the
      // connection lives. The worker drops live viewers that read nothing much earlier.
      idleTimeout: Duration.seconds(IDLE_TIMEOUT_S),
      // The load balancer closes an older client connection after its current answer. The default of an hour would end the
      // keep-alive of every long session; a week is the maximum.
      clientKeepAlive: Duration.days(7),
    });
    this.targetGroup = new ApplicationTargetGroup(this, 'Workers', {
      vpc,
      targetType: TargetType.IP,
      protocol: ApplicationProtocol.HTTP,
      port: WORKER_PORT,
      // A stream that lasts for hours is an outstanding request, so a new viewer goes to the worker with the fewest viewers.
      // This excludes slow start, which workers do not need: they are at full speed in the first second.
      loadBalancingAlgorithmType: TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
      // No stickiness: players keep no cookies, and every worker serves every stream.
      deregistrationDelay: Duration.seconds(DEREGISTRATION_DELAY_S),
      healthCheck: {
        path: '/readyz',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        // A draining worker gets no new viewers 20 seconds later. Its viewers stay: see the grace period of the service.
        unhealthyThresholdCount: 2,
      },
    });
    securityGroup.addEgressRule(workers, Port.tcp(WORKER_PORT), 'To workers');
    workers.addIngressRule(securityGroup, Port.tcp(WORKER_PORT), 'From the load balancer');

    const { certificateArn } = stage;
    const ports = certificateArn === undefined ? [80] : [80, 443];
    for (const range of stage.viewerRanges) {
      for (const port of ports) securityGroup.addIngressRule(Peer.ipv4(range), Port.tcp(port), 'Viewers');
    }
    const listener =
      certificateArn === undefined ? this.#httpListener(notFound()) : this.#httpsListener(certificateArn);
    routedPaths(rootPathOf(stage)).forEach((paths, index) => {
      listener.addAction(`Routes${index}`, {
        priority: (index + 1) * 10,
        conditions: [ListenerCondition.pathPatterns(paths)],
        action: ListenerAction.forward([this.targetGroup]),
      });
    });
    this.url =
      stage.domain === undefined ? `http://${this.loadBalancer.loadBalancerDnsName}` : `https://${stage.domain}`;
    if (stage.hostedZoneId !== undefined && stage.domain !== undefined) this.#record(stage.hostedZoneId, stage.domain);

    acknowledge(
      this.loadBalancer,
      'ELB2',
      'Its access log would keep every URL in clear, and URLs carry api_token; workers log each request with secrets masked.',
    );
    acknowledge(
      securityGroup,
      'EC23',
      'Viewers come from anywhere, unless the stage says viewerRanges; only the ports 80 and 443 are open.',
    );
  }

  #httpListener(defaultAction: ListenerAction): ApplicationListener {
    return new ApplicationListener(this, 'Http', {
      loadBalancer: this.loadBalancer,
      port: 80,
      protocol: ApplicationProtocol.HTTP,
      open: false,
      defaultAction,
    });
  }

  #httpsListener(certificateArn: string): ApplicationListener {
    this.#httpListener(ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true }));
    return new ApplicationListener(this, 'Https', {
      loadBalancer: this.loadBalancer,
      port: 443,
      protocol: ApplicationProtocol.HTTPS,
      open: false,
      certificates: [Certificate.fromCertificateArn(this, 'Certificate', certificateArn)],
      sslPolicy: SslPolicy.RECOMMENDED_TLS,
      defaultAction: notFound(),
    });
  }

  #record(hostedZoneId: string, domain: string): void {
    // The AAAA record has an answer once the load balancer has IPv6 addresses.
    for (const [id, type] of [
      ['Record', 'A'],
      ['RecordV6', 'AAAA'],
    ] as const) {
      new CfnRecordSet(this, id, {
        hostedZoneId,
        name: `${domain}.`,
        type,
        aliasTarget: {
          dnsName: Fn.join('', ['dualstack.', this.loadBalancer.loadBalancerDnsName]),
          hostedZoneId: this.loadBalancer.loadBalancerCanonicalHostedZoneId,
        },
      });
    }
  }
}

function rootPathOf({ settings }: StageConfig): string {
  const { kind, fallback } = SETTINGS.rootPath;
  return kind.schema.parse(settings[SETTINGS.rootPath.env] ?? fallback);
}

/** The workers' own 404, for paths that are not public. */
function notFound(): ListenerAction {
  return ListenerAction.fixedResponse(404, {
    contentType: 'application/json',
    messageBody: JSON.stringify({ detail: 'There is nothing here.' }),
  });
}
