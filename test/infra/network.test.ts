/** The network and the load balancer: what is open to whom, and the numbers that hour-long answers need. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { attributesOf, templates, theOnly } from './support.ts';

const CERTIFICATE = 'arn:aws:acm:eu-central-1:123456789012:certificate/abc';
const WITH_DOMAIN = { domain: 'tv.example.com', certificateArn: CERTIFICATE, hostedZoneId: 'Z123' };
const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';

const { network } = templates();

describe('the network', () => {
  it('has two zones, public and isolated subnets, and no NAT', () => {
    network.resourceCountIs('AWS::EC2::Subnet', 4);
    network.resourceCountIs('AWS::EC2::NatGateway', 0);
    network.resourceCountIs('AWS::EC2::EIP', 0);
  });

  it('takes the zones that the stage names', () => {
    const named = templates({ zones: ['us-east-1a', 'us-east-1b', 'us-east-1c'] }).network;
    named.resourceCountIs('AWS::EC2::Subnet', 6);
    named.hasResourceProperties('AWS::EC2::Subnet', { AvailabilityZone: 'us-east-1c' });
  });

  it('has the range that the stage names, laid out for three zones, and the stage in its name', () => {
    const own = templates({ vpcCidr: '172.20.0.0/18', zones: 3 }).network;
    own.hasResourceProperties('AWS::EC2::VPC', {
      CidrBlock: '172.20.0.0/18',
      Tags: Match.arrayWith([{ Key: 'Name', Value: 'streampool-test' }]),
    });
    own.resourceCountIs('AWS::EC2::Subnet', 6);
  });

  it('is the one that exists, where the stage names it, without a question to the account', () => {
    const zones = ['eu-central-1a', 'eu-central-1b'];
    const [publicSubnetIds, isolatedSubnetIds] = [
      ['subnet-0aaaaaaa', 'subnet-0bbbbbbb'],
      ['subnet-1aaaaaaa', 'subnet-1bbbbbbb'],
    ];
    const {
      network: theirs,
      state,
      proxy,
      admin,
    } = templates({
      vpcId: 'vpc-01234567',
      zones,
      publicSubnetIds,
      isolatedSubnetIds,
    });
    for (const type of ['VPC', 'Subnet', 'InternetGateway', 'FlowLog', 'VPCEndpoint'])
      theirs.resourceCountIs(`AWS::EC2::${type}`, 0);
    theirs.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Subnets: publicSubnetIds });
    theirs.allResourcesProperties('AWS::EC2::SecurityGroup', { VpcId: 'vpc-01234567' });
    theirs.hasResourceProperties(TARGETS, { VpcId: 'vpc-01234567' });
    state.hasResourceProperties('AWS::ElastiCache::SubnetGroup', { SubnetIds: isolatedSubnetIds });
    proxy.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: Match.objectLike({ Subnets: publicSubnetIds }) },
    });
    admin.hasResourceProperties('AWS::Lambda::Function', {
      VpcConfig: Match.objectLike({ SubnetIds: isolatedSubnetIds }),
    });
  });

  it('opens the relay port to the workers alone, and their port to the load balancer alone', () => {
    const rules = Object.values(network.findResources('AWS::EC2::SecurityGroupIngress')).map(
      ({ Properties }) =>
        Properties as { FromPort: number; ToPort: number; GroupId: object; SourceSecurityGroupId: object },
    );
    expect(rules.map(({ FromPort, ToPort }) => [FromPort, ToPort]).sort()).toEqual([
      [8085, 8085],
      [9085, 9085],
    ]);
    const relay = rules.find(({ FromPort }) => FromPort === 9085);
    const worker = rules.find(({ FromPort }) => FromPort === 8085);
    expect(relay?.SourceSecurityGroupId).toEqual(relay?.GroupId);
    expect(worker?.SourceSecurityGroupId).not.toEqual(worker?.GroupId);
  });

  it('opens the load balancer to the ranges of the stage, on port 80 alone without a certificate', () => {
    const groups = templates({ viewerRanges: ['203.0.113.0/24'] }).network;
    groups.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: [Match.objectLike({ CidrIp: '203.0.113.0/24', FromPort: 80, ToPort: 80 })],
    });
  });
});

describe('the load balancer', () => {
  it('lets answers last: idle, keep-alive and deregistration', () => {
    const attributes = attributesOf(
      theOnly(network, 'AWS::ElasticLoadBalancingV2::LoadBalancer'),
      'LoadBalancerAttributes',
    );
    expect(attributes).toMatchObject({
      'idle_timeout.timeout_seconds': '600',
      'client_keep_alive.seconds': '604800',
      'routing.http.drop_invalid_header_fields.enabled': 'true',
    });
  });

  it('balances by outstanding requests, without stickiness or slow start', () => {
    const attributes = attributesOf(theOnly(network, TARGETS), 'TargetGroupAttributes');
    expect(attributes).toMatchObject({
      'load_balancing.algorithm.type': 'least_outstanding_requests',
      'deregistration_delay.timeout_seconds': '120',
      'stickiness.enabled': 'false',
    });
    expect(attributes).not.toHaveProperty('slow_start.duration_seconds');
  });

  it('asks /readyz whether a worker takes viewers', () => {
    network.hasResourceProperties(TARGETS, {
      HealthCheckPath: '/readyz',
      TargetType: 'ip',
      Port: 8085,
      Protocol: 'HTTP',
    });
  });

  it('answers 404 to everything that no rule routes', () => {
    network.hasResourceProperties(LISTENER, {
      Port: 80,
      DefaultActions: [
        Match.objectLike({ Type: 'fixed-response', FixedResponseConfig: Match.objectLike({ StatusCode: '404' }) }),
      ],
    });
  });

  it('with a certificate speaks HTTPS, and sends HTTP there for good', () => {
    const secure = templates(WITH_DOMAIN).network;
    secure.resourceCountIs(LISTENER, 2);
    secure.hasResourceProperties(LISTENER, {
      Port: 80,
      DefaultActions: [
        { Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' } },
      ],
    });
    secure.hasResourceProperties(LISTENER, {
      Port: 443,
      Certificates: [{ CertificateArn: CERTIFICATE }],
      SslPolicy: Match.stringLikeRegexp('TLS13'),
    });
    secure.hasOutput('PlayUrl', { Value: 'https://tv.example.com/stream/' });
  });

  it('is in DNS where the stage names a zone, and only there', () => {
    for (const Type of ['A', 'AAAA']) {
      templates(WITH_DOMAIN).network.hasResourceProperties('AWS::Route53::RecordSet', {
        HostedZoneId: 'Z123',
        Name: 'tv.example.com.',
        Type,
      });
    }
    templates({ ...WITH_DOMAIN, hostedZoneId: undefined }).network.resourceCountIs('AWS::Route53::RecordSet', 0);
  });
});
