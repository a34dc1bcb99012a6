/** The registry's Redis: one Valkey primary and its replicas. Members of the `clients` group reach it with TLS and a password. */

import { RemovalPolicy } from 'aws-cdk-lib';
import { type IVpc, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { CfnParameterGroup, CfnReplicationGroup, CfnSubnetGroup } from 'aws-cdk-lib/aws-elasticache';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { REDIS_PORT } from '../ports.ts';

/** The parameter family is that of the engine and its major version. */
const ENGINE = { engine: 'valkey', engineVersion: '8.0' } as const;
const FAMILY = 'valkey8';

export interface RedisProps {
  readonly stage: StageConfig;
  readonly vpc: IVpc;
}

export class Redis extends Construct {
  /** The security group whose members may connect. */
  readonly clients: SecurityGroup;
  /** The whole string of this secret is the password. */
  readonly password: Secret;
  readonly host: string;
  readonly port: number = REDIS_PORT;
  /** The ids under which the metrics of its nodes appear (CacheClusterId). Any of them may be the primary. */
  readonly nodeIds: readonly string[];

  constructor(scope: Construct, id: string, { stage, vpc }: RedisProps) {
    super(scope, id);
    this.clients = new SecurityGroup(this, 'Clients', {
      vpc,
      description: 'Those who may connect to Redis',
      allowAllOutbound: false,
    });
    const server = new SecurityGroup(this, 'Server', { vpc, description: 'Redis', allowAllOutbound: false });
    server.connections.allowFrom(this.clients, Port.tcp(this.port), 'Registry');

    this.password = new Secret(this, 'Password', {
      description: 'AUTH of Redis',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const subnets = new CfnSubnetGroup(this, 'Subnets', {
      description: 'Redis: no way in or out but from the VPC',
      subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
    });
    const parameters = new CfnParameterGroup(this, 'Parameters', {
      description: 'Redis: refuses writes when it is full',
      cacheParameterGroupFamily: FAMILY,
      // The default, volatile-lru, drops keys with a time to live first. Leases are such keys: workers would count as dead.
      properties: { 'maxmemory-policy': 'noeviction' },
    });
    const group = new CfnReplicationGroup(this, 'Group', {
      replicationGroupDescription: 'The registry of the workers',
      ...ENGINE,
      cacheParameterGroupName: parameters.ref,
      cacheNodeType: stage.redisNode,
      // Cluster mode stays off: the scripts use several keys at once. One node answers 100,000 calls a second, and a large
      // stage makes a few hundred.
      clusterMode: 'disabled',
      numCacheClusters: 1 + stage.redisReplicas,
      // Apart from the number of nodes: AWS switches failover only while there is a replica, so a change between one node
      // and several takes a deployment with a replica and without failover in between.
      automaticFailoverEnabled: stage.redisMultiAz,
      multiAzEnabled: stage.redisMultiAz,
      port: this.port,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [server.securityGroupId],
      transitEncryptionEnabled: true,
      atRestEncryptionEnabled: true,
      // A reference that CloudFormation resolves; no template contains the password.
      authToken: this.password.secretValue.unsafeUnwrap(),
      autoMinorVersionUpgrade: true,
      // No snapshots: workers write lost records back.
      snapshotRetentionLimit: 0,
    });
    group.applyRemovalPolicy(RemovalPolicy.DESTROY);
    this.host = group.attrPrimaryEndPointAddress;
    this.nodeIds = Array.from({ length: 1 + stage.redisReplicas }, (_, index) => `${group.ref}-00${index + 1}`);

    if (!stage.redisMultiAz) {
      acknowledge(
        group,
        'AEC4',
        'The stage needs no failover: without Redis, streams go on, and workers write their records back to the next one.',
      );
    }
    acknowledge(
      this.password,
      'SMG4',
      'Workers and Redis read a new password only during a deployment; rotating it alone would lock the workers out.',
    );
  }
}
