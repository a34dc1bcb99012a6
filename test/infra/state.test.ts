/** Redis and the secrets: encrypted, with a password that is in no template, and reachable by those who hold the clients' group. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { templates, theOnly } from './support.ts';

const GROUP = 'AWS::ElastiCache::ReplicationGroup';
const { state } = templates();

describe('Redis', () => {
  it('is Valkey with a replica in another zone, without cluster mode, not on the default port', () => {
    state.hasResourceProperties(GROUP, {
      Engine: 'valkey',
      ClusterMode: 'disabled',
      NumCacheClusters: 2,
      MultiAZEnabled: true,
      AutomaticFailoverEnabled: true,
      Port: 6380,
      CacheNodeType: 'cache.t4g.micro',
    });
  });

  it('is one node where the stage says so', () => {
    templates({ redisReplicas: 0, redisMultiAz: false }).state.hasResourceProperties(GROUP, {
      NumCacheClusters: 1,
      MultiAZEnabled: false,
      AutomaticFailoverEnabled: false,
    });
  });

  it('has a replica without failover where the stage says so: the step between one node and several', () => {
    templates({ redisReplicas: 1, redisMultiAz: false }).state.hasResourceProperties(GROUP, {
      NumCacheClusters: 2,
      MultiAZEnabled: false,
      AutomaticFailoverEnabled: false,
    });
  });

  it('refuses writes when it is full, instead of dropping leases', () => {
    const parameters = 'AWS::ElastiCache::ParameterGroup';
    const { Engine, EngineVersion, CacheParameterGroupName } = theOnly(state, GROUP);
    state.hasResourceProperties(parameters, {
      // ElastiCache takes only the parameters of the same engine and major version.
      CacheParameterGroupFamily: `${Engine}${String(EngineVersion).split('.')[0]}`,
      Properties: { 'maxmemory-policy': 'noeviction' },
    });
    expect(CacheParameterGroupName).toEqual({ Ref: Object.keys(state.findResources(parameters))[0] });
  });

  it('is encrypted both ways, and its password is a reference to Secrets Manager', () => {
    state.hasResourceProperties(GROUP, { TransitEncryptionEnabled: true, AtRestEncryptionEnabled: true });
    expect(JSON.stringify(theOnly(state, GROUP).AuthToken)).toMatch(/resolve:secretsmanager:.*SecretString/);
  });

  it('takes a password of letters and digits, as ElastiCache wants it', () => {
    state.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
    });
  });

  it('is all that its clients may reach by that group: the function of the admin API has no other', () => {
    state.hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
      FromPort: 6380,
      ToPort: 6380,
      GroupId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RedisClients'), 'GroupId'] },
    });
    state.resourceCountIs('AWS::EC2::SecurityGroupEgress', 1);
  });

  it('is open to the group of its clients alone', () => {
    state.resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
    state.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      FromPort: 6380,
      ToPort: 6380,
      SourceSecurityGroupId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RedisClients'), 'GroupId'] },
    });
  });
});

it('names the secrets that people need, and shows none', () => {
  for (const output of ['ApiTokenSecret', 'AdminTokenSecret', 'RedisPasswordSecret']) state.hasOutput(output, {});
  state.resourceCountIs('AWS::SecretsManager::Secret', 5);
});
