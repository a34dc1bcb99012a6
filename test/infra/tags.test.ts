/** Every resource that AWS bills and that can have tags has that of the stage, so that the bill shows each stage. */
import { CfnResource, TagManager } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { addStacks } from '../../infra/streampool.ts';
import { testApp, testStage } from './support.ts';

it('all resources that can be tagged have the tag of the stage', () => {
  const app = testApp();
  addStacks(app, testStage({ alarmEmail: 'ops@example.com', privateSources: '10.1.0.0/16' }));
  // The tags are added by an aspect, which runs at the synthesis.
  const templates = app.synth().stacks.map(({ template }) => template as { Resources: Record<string, unknown> });
  const taggable = app.node
    .findAll()
    .filter((construct) => CfnResource.isCfnResource(construct))
    .filter((resource) => TagManager.of(resource) !== undefined);
  expect(taggable.length).toBeGreaterThan(30);
  for (const resource of taggable) {
    const id = resource.stack.resolve(resource.logicalId) as string;
    const [rendered] = templates.flatMap(({ Resources }) => Resources[id] ?? []);
    expect(JSON.stringify(rendered), resource.node.path).toMatch(
      /"streampool:stage","Value":"test"|"streampool:stage":"test"/,
    );
  }
});
