/** The bucket of recordings: who may do what in it, for how long it keeps what, and where the workers are told of it. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { templates, theOnly } from './support.ts';

const BUCKET = 'AWS::S3::Bucket';
const { network, state, proxy } = templates();

describe('the bucket', () => {
  it('is encrypted and closed to the public', () => {
    state.hasResourceProperties(BUCKET, {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      // What is deleted is gone, and costs nothing.
      VersioningConfiguration: Match.absent(),
    });
  });

  it('takes TLS alone, and no old one', () => {
    const everybody = { Effect: 'Deny', Action: 's3:*', Principal: { AWS: '*' } };
    state.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({ ...everybody, Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({ ...everybody, Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } } }),
        ],
      },
    });
  });

  it.each([
    [{}, '2592000', 37],
    [{ recordingsDays: 90 }, '7776000', 97],
  ])('keeps what workers left a week longer than they do: %j', (values, maxAge, days) => {
    const stage = templates(values);
    expect(environment(stage.proxy).RECORDINGS_MAX_AGE).toBe(maxAge);
    expect(theOnly(stage.state, BUCKET).LifecycleConfiguration).toEqual({
      Rules: [{ Id: 'Age', Status: 'Enabled', ExpirationInDays: days }],
    });
  });

  it('stays when the stage goes, but not when its first deployment fails', () => {
    state.hasResource(BUCKET, { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
    state.hasOutput('RecordingsBucket', {});
  });

  it('can be reached through the endpoint in the VPC, which has no policy of its own', () => {
    expect(theOnly(network, 'AWS::EC2::VPCEndpoint')).not.toHaveProperty('PolicyDocument');
  });
});

describe('the workers', () => {
  it('are told of it', () => {
    expect(environment(proxy).RECORDINGS).toEqual({
      'Fn::Join': ['', ['s3://', { 'Fn::ImportValue': expect.stringContaining('RecordingsBucket') }, '/recordings']],
    });
  });

  it('may read, write and delete below the prefix, and list that alone', () => {
    const { TaskRoleArn } = theOnly(proxy, 'AWS::ECS::TaskDefinition');
    const [role] = (TaskRoleArn as { 'Fn::GetAtt': string[] })['Fn::GetAtt'];
    const policies = proxy.findResources('AWS::IAM::Policy', {
      Properties: { Roles: Match.arrayWith([{ Ref: role }]) },
    });
    const statements = Object.values(policies).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as Record<string, unknown>[],
    );
    const arn = { 'Fn::ImportValue': expect.stringMatching(/RecordingsBucket.*Arn/) };
    expect(statements.filter(({ Action }) => JSON.stringify(Action).includes('s3:'))).toEqual([
      {
        Effect: 'Allow',
        Action: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
        Resource: { 'Fn::Join': ['', [arn, '/recordings/*']] },
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: arn,
        Condition: { StringLike: { 's3:prefix': 'recordings/*' } },
      },
    ]);
  });
});

function environment(template: typeof proxy): Record<string, unknown> {
  const [worker] = theOnly(template, 'AWS::ECS::TaskDefinition').ContainerDefinitions as [
    { Environment: { Name: string; Value: unknown }[] },
  ];
  return Object.fromEntries(worker.Environment.map(({ Name, Value }) => [Name, Value]));
}
