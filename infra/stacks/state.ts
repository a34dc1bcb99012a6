/** What must survive a deployment of the workers: Redis, and the secrets that people and programs hold. */

import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { Redis } from '../constructs/redis.ts';
import type { NetworkStack } from './network.ts';

export interface StateStackProps extends StackProps {
  readonly stage: StageConfig;
  readonly network: NetworkStack;
}

export class StateStack extends Stack {
  readonly redis: Redis;
  /** What the management API of the workers asks for. */
  readonly apiToken: Secret;
  /** What workers prove themselves to each other with. */
  readonly clusterSecret: Secret;
  /**
   * What playback URLs are signed with. There is one in every stage: if it came and went with `playbackAuth`, CloudFormation
   * would refuse to take it away while workers use it.
   */
  readonly playbackSecret: Secret;
  /** What the admin API asks for. */
  readonly adminToken: Secret;

  constructor(scope: Construct, id: string, { stage, network, ...props }: StateStackProps) {
    super(scope, id, props);
    this.redis = new Redis(this, 'Redis', { stage, vpc: network.vpc });
    this.apiToken = this.#token('ApiToken', 'API_TOKEN of the workers');
    this.clusterSecret = this.#token('ClusterSecret', 'CLUSTER_SECRET of the workers');
    this.playbackSecret = this.#token('PlaybackSecret', 'PLAYBACK_SECRET of the workers');
    this.adminToken = this.#token('AdminToken', 'Token of the admin API');

    this.#output('ApiTokenSecret', this.apiToken, 'Holds the token of the workers');
    this.#output('AdminTokenSecret', this.adminToken, 'Holds the token of the admin API');
    this.#output('RedisPasswordSecret', this.redis.password, 'Holds the password of Redis');
  }

  #token(id: string, description: string): Secret {
    const secret = new Secret(this, id, {
      description,
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      secret,
      'SMG4',
      'Its holders are people and their programs; changing it behind their back would lock them out.',
    );
    return secret;
  }

  #output(id: string, secret: Secret, description: string): void {
    new CfnOutput(this, id, { value: secret.secretName, description });
  }
}
