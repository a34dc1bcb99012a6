/** What every synthesis must pass: CloudFormation's own rules, our rules for what those miss, and cdk-nag's AwsSolutions. */

import { type App, CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MAX_DEREGISTRATION_DELAY_S, STOP_TIMEOUT_S } from './limits.ts';

/** In the DSL of CloudFormation Guard. AWS finds each of these only during the deployment, when half of a stack exists. */
const OWN_RULES = {
  stop_timeout_max: `
let tasks = Resources.*[ Type == 'AWS::ECS::TaskDefinition' ]
rule stop_timeout_max when %tasks !empty {
  %tasks.Properties.ContainerDefinitions[ StopTimeout exists ] {
    StopTimeout <= ${STOP_TIMEOUT_S} <<Fargate stops a task after ${STOP_TIMEOUT_S} seconds at the latest>>
  }
}`,
  deregistration_delay_max: `
let groups = Resources.*[ Type == 'AWS::ElasticLoadBalancingV2::TargetGroup' ]
rule deregistration_delay_max when %groups !empty {
  %groups.Properties.TargetGroupAttributes[ Key == 'deregistration_delay.timeout_seconds' ] {
    Value == /^([0-9]{1,3}|[12][0-9]{3}|3[0-5][0-9]{2}|${MAX_DEREGISTRATION_DELAY_S})$/ <<The delay is ${MAX_DEREGISTRATION_DELAY_S} seconds at most>>
  }
}`,
  no_slow_start_with_least_outstanding: `
let groups = Resources.*[
  Type == 'AWS::ElasticLoadBalancingV2::TargetGroup'
  some Properties.TargetGroupAttributes[*].Value == 'least_outstanding_requests'
]
rule no_slow_start_with_least_outstanding when %groups !empty {
  %groups.Properties.TargetGroupAttributes[ Key == 'slow_start.duration_seconds' ] {
    Value == '0' <<Slow start and least outstanding requests exclude each other>>
  }
}`,
  redis_engine_name: `
let redis = Resources.*[ Type == 'AWS::ElastiCache::ReplicationGroup' ]
rule redis_engine_name when %redis !empty {
  %redis.Properties.Engine IN ['valkey', 'redis'] <<The engine is valkey or redis>>
}`,
};

/** One for all apps of a process: its engine takes seconds to make, and half a second to use. */
const CLOUDFORMATION = new CloudFormationValidatePlugin({
  guardRules: Object.entries(OWN_RULES).map(([name, content]) => ({ name, content })),
});

/**
 * Every finding stops the synthesis unless it is acknowledged: those of these checks, and the warnings and errors with which CDK
 * annotates constructs. Make the app with `builtinCloudFormationValidation: false`, because these checks include the built-in rules.
 */
export function addChecks(app: App): void {
  app.node.setContext('@aws-cdk/core:validateAgainstDefaultRules', true);
  // A warning of CDK may be as bad as an error: an image that nobody may pull is one. The command line tool would judge the
  // findings itself and let warnings pass, so the app judges.
  app.node.setContext('@aws-cdk/core:failSynthOnValidationErrors', true);
  app.node.setContext('@aws-cdk/core:strictCfnValidateErrors', true);
  Validations.of(app).addPlugins(CLOUDFORMATION, new AwsSolutionsChecks(app));
}
