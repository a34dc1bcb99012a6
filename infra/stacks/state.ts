/** What must survive a deployment of the workers: Redis, recordings, and the secrets that people and programs hold. */

import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { Recordings } from '../constructs/recordings.ts';
import { Redis } from '../constructs/redis.ts';
import type { NetworkStack } from './network.ts';

export interface StateStackProps extends StackProps {
  readonly stage: StageConfig;
  readonly network: NetworkStack;
}

export class StateStack extends Stack {
  readonly redis: Redis;
  readonly recordings: Recordings;
  /** The token of the workers' management API. */
  readonly apiToken: Secret;
  /** The secret with which workers authenticate to each other. */
  readonly clusterSecret: Secret;
  /**
   * The secret that signs playback URLs. Every stage has it: if it depended on `playbackAuth`, CloudFormation
   * would refuse to remove it while workers use it.
   */
  readonly playbackSecret: Secret;
  /** The token of the admin API. */
  readonly adminToken: Secret;

  constructor(scope: Construct, id: string, { stage, network, ...props }: StateStackProps) {
    super(scope, id, props);
    this.redis = new Redis(this, 'Redis', { stage, vpc: network.vpc });
    this.recordings = new Recordings(this, 'Recordings', { stage });
    this.apiToken = this.#token('ApiToken', 'API_TOKEN of the workers');
    this.clusterSecret = this.#token('ClusterSecret', 'CLUSTER_SECRET of the workers');
    this.playbackSecret = this.#token('PlaybackSecret', 'PLAYBACK_SECRET of the workers');
    this.adminToken = this.#token('AdminToken', 'Token of the admin API');
    // Exported whatever `adminAuth` is: while it changes from "token", the admin stack still imports the export.
    this.exportValue(this.adminToken.secretArn);

    this.#output('ApiTokenSecret', this.apiToken, 'Holds the token of the workers');
    this.#output('AdminTokenSecret', this.adminToken, 'Holds the token of the admin API');
    this.#output('RedisPasswordSecret', this.redis.password, 'Holds the password of Redis');
    new CfnOutput(this, 'RecordingsBucket', {
      value: this.recordings.bucket.bucketName,
      description: 'Holds the recordings; it stays when the stage is removed',
    });
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
      'People and their programs hold this secret; an automatic rotation would lock them out.',
    );
    return secret;
  }

  #output(id: string, secret: Secret, description: string): void {
    new CfnOutput(this, id, { value: secret.secretName, description });
  }
}
