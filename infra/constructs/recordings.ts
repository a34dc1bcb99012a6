/** The bucket of recordings. Workers write below one prefix of it, and nobody else reads it. */

import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import { RECORDINGS_SLACK_DAYS } from '../limits.ts';

const PREFIX = 'recordings';

export interface RecordingsProps {
  readonly stage: StageConfig;
}

export class Recordings extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { stage }: RecordingsProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // Each segment is a request. With a key of KMS, AWS would bill each of them again.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      lifecycleRules: [{ id: 'Age', expiration: Duration.days(stage.recordingsDays + RECORDINGS_SLACK_DAYS) }],
      // What people have recorded outlives the stage. A bucket that a failed first deployment made goes.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    acknowledge(
      this.bucket,
      'S1',
      'Workers alone read and write it, and the cluster tells of each recording. Access logs would take a second bucket.',
    );
  }

  /** RECORDINGS of the workers. */
  get place(): string {
    return `s3://${this.bucket.bucketName}/${PREFIX}`;
  }

  /** What the store of a worker asks of a bucket, and no more. The role is in another stack. */
  grantTo(role: IRole): void {
    const arn = Stack.of(this).exportValue(this.bucket.bucketArn);
    const objects = `${arn}/${PREFIX}/*`;
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        resources: [objects],
      }),
    );
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [arn],
        conditions: { StringLike: { 's3:prefix': `${PREFIX}/*` } },
      }),
    );
    acknowledgeWildcard(role, objects, 'These are the objects of recordings, whose names are not known before.');
  }
}
