/** The rules of CloudFormation by which a change of a deployed stage is judged, each with the smallest templates that show it. */
import { describe, expect, it } from 'vitest';
import type { Resource, StageStack, Template } from '../../infra/transitions/stage-stacks.ts';
import { refusals } from '../../infra/transitions/transition.ts';

const resource = (Type: string, Properties: Record<string, unknown> = {}): Resource => ({ Type, Properties });
const stack = (name: string, template: Template, after: readonly string[] = []): StageStack => ({
  name,
  template,
  after,
});

/** What is said about one stack with these resources. */
function said(before: Record<string, Resource>, after: Record<string, Resource>): string[] {
  return refusals([stack('one', { Resources: before })], [stack('one', { Resources: after })], { zones: [] }).map(
    ({ says }) => says,
  );
}

const subnet = (CidrBlock: string, VpcId = 'vpc-1') => resource('AWS::EC2::Subnet', { CidrBlock, VpcId });
const rule = (Priority: number, ListenerArn = 'listener') =>
  resource('AWS::ElasticLoadBalancingV2::ListenerRule', { Priority, ListenerArn });

const api = (Name: string) => resource('AWS::ApiGatewayV2::Api', { Name, ProtocolType: 'HTTP' });

describe('two resources that are there at the same time', () => {
  it.each<[string, Resource, Resource, string]>([
    [
      'one range',
      subnet('10.0.0.0/24'),
      subnet('10.0.0.0/24'),
      'AWS::EC2::Subnet New wants the range 10.0.0.0/24, which Old',
    ],
    ['a range within the other', subnet('10.0.0.0/20'), subnet('10.0.1.0/24'), 'wants the range 10.0.1.0/24'],
    ['a range around the other', subnet('10.0.1.0/24'), subnet('10.0.0.0/20'), 'wants the range 10.0.0.0/20'],
    ['one priority of a listener', rule(10), rule(10), 'New wants ListenerArn listener, Priority 10, which Old'],
    [
      'one record',
      resource('AWS::Route53::RecordSet', { HostedZoneId: 'Z1', Name: 'tv.example.com.', Type: 'A' }),
      resource('AWS::Route53::RecordSet', { HostedZoneId: 'Z1', Name: 'tv.example.com.', Type: 'A', TTL: 60 }),
      'New wants HostedZoneId Z1, Name tv.example.com., Type A',
    ],
    [
      'one name that the template gives',
      resource('AWS::Logs::LogGroup', { LogGroupName: 'workers' }),
      resource('AWS::Logs::LogGroup', { LogGroupName: 'workers', RetentionInDays: 7 }),
      'New wants LogGroupName "workers", which Old has',
    ],
  ])('cannot both have %s', (_, old, wanted, sentence) => {
    expect(said({ Old: old }, { New: wanted }).join()).toContain(sentence);
  });

  it.each<[string, Resource, Resource]>([
    ['ranges side by side', subnet('10.0.0.0/24'), subnet('10.0.1.0/24')],
    ['one range in two networks', subnet('10.0.0.0/24'), subnet('10.0.0.0/24', 'vpc-2')],
    ['one priority of two listeners', rule(10), rule(10, 'other')],
    ['a name that is a label', api('admin'), api('admin')],
  ])('can both have %s', (_, old, wanted) => {
    expect(said({ Old: old }, { New: wanted }).filter((says) => says.includes('wants'))).toEqual([]);
  });

  it('are one resource that is replaced under its own name', () => {
    const named = (KmsMasterKeyId: string, FifoTopic: boolean) =>
      resource('AWS::SNS::Topic', { TopicName: 'alarms', KmsMasterKeyId, FifoTopic });
    expect(said({ Topic: named('a', false) }, { Topic: named('a', true) })).toEqual([
      'AWS::SNS::Topic Topic wants TopicName "alarms", which the one that it replaces has until the end of the update.',
    ]);
    expect(said({ Topic: named('a', false) }, { Topic: named('b', false) })).toEqual([]);
  });

  it('are apart when both hang on a resource that is new, too', () => {
    const at = (gateway: string) => ({
      Table: resource('AWS::EC2::RouteTable', { VpcId: gateway }),
      Route: resource('AWS::EC2::Route', { RouteTableId: { Ref: 'Table' }, DestinationCidrBlock: '0.0.0.0/0' }),
    });
    expect(said(at('vpc-1'), at('vpc-2'))).toEqual([]);
  });
});

describe('an export', () => {
  const exporting = (...names: string[]): Template => ({
    Outputs: Object.fromEntries(names.map((name) => [name, { Value: 'x', Export: { Name: name } }])),
  });
  const importing = (...names: string[]): Template => ({
    Resources: Object.fromEntries(
      names.map((Name) => [Name, resource('A::B::C', { Name: { 'Fn::ImportValue': Name } })]),
    ),
  });
  const outcome = (before: StageStack[], after: StageStack[]) =>
    refusals(before, after, { zones: [] }).map(({ says }) => says);

  it('must stay while the old template of a stack behind imports it, even if the new one does not', () => {
    expect(
      outcome(
        [stack('network', exporting('a', 'b')), stack('proxy', importing('a'))],
        [stack('network', exporting('b')), stack('proxy', importing('b'), ['network'])],
      ),
    ).toEqual(['The export a would vanish, while proxy still imports it.']);
  });

  it('may go when nobody imports it, or only a stack that is updated before', () => {
    expect(
      outcome(
        [stack('proxy', importing('a')), stack('alarms', exporting('a', 'b'))],
        [stack('proxy', importing()), stack('alarms', exporting(), ['proxy'])],
      ),
    ).toEqual([]);
  });

  it('keeps its value while it is imported, so the resource that it names is not replaced', () => {
    const network = (VpcId: string): Template => ({
      Resources: { Group: resource('AWS::EC2::RouteTable', { VpcId }) },
      Outputs: { a: { Value: { Ref: 'Group' }, Export: { Name: 'a' } } },
    });
    expect(
      outcome(
        [stack('network', network('vpc-1')), stack('proxy', importing('a'))],
        [stack('network', network('vpc-2')), stack('proxy', importing('a'), ['network'])],
      ),
    ).toEqual(['The export a would get another value, while proxy still imports it.']);
  });

  it('must stay for a stack that is deployed and that the stage has no more', () => {
    expect(
      outcome([stack('network', exporting('a')), stack('old', importing('a'))], [stack('network', exporting())]),
    ).toEqual(['The export a would vanish, while old still imports it.']);
  });
});
