/** One Lambda function of the admin API: its bundle, its log, its limits. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage, type Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type {
  AuthorizerEnvironment,
  FrontEnvironment,
  RegistryEnvironment,
} from '../../services/admin-lambda/src/environment.ts';
import { acknowledge } from '../acknowledge.ts';
import { builtFunctions } from '../built-functions.ts';
import type { StageConfig } from '../config.ts';
import { ROOT } from '../root.ts';

/** Folders of dist/admin-functions that scripts/build.mjs makes, and the module in each. */
const MODULES = { front: 'lambda', registry: 'registry-lambda', authorizer: 'authorizer' } as const;

export interface AdminFunctionProps {
  readonly stage: StageConfig;
  readonly name: keyof typeof MODULES;
  readonly description: string;
  /** Typed by the function itself (services/admin-lambda/src/environment.ts). */
  readonly environment: FrontEnvironment | RegistryEnvironment | AuthorizerEnvironment;
  readonly timeout: Duration;
  /** For the function that must reach Redis. */
  readonly network?: { vpc: IVpc; vpcSubnets: SubnetSelection; securityGroups: ISecurityGroup[] };
}

export class AdminFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: AdminFunctionProps) {
    const { stage, name, description, environment, timeout, network } = props;
    super(scope, id, {
      description,
      runtime: Runtime.NODEJS_24_X,
      // Plain JavaScript runs on the cheaper processor, whatever the workers use.
      architecture: Architecture.ARM_64,
      // CPU grows with memory: with half a gigabyte a cold start takes a third of the time, for the same money.
      memorySize: 512,
      timeout,
      handler: `${MODULES[name]}.handler`,
      code: bundle(name),
      environment: Object.fromEntries(Object.entries(environment)),
      logGroup: new LogGroup(scope, `${id}Log`, { retention: stage.logRetentionDays }),
      ...network,
    });
    if (this.role !== undefined) {
      acknowledge(
        this.role,
        'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
        'The policy that AWS keeps for exactly this: writing its log.',
      );
    }
  }
}

/** Built by the project's own build, not CDK's: the deployed code is the tested code. */
function bundle(name: keyof typeof MODULES): Code {
  return Code.fromAsset(join(ROOT, 'services'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // CDK caches bundles under this, among other things; without it all functions would get the first bundle.
      command: [name],
      image: DockerImage.fromRegistry('unused: it is built here, without Docker'),
      local: {
        tryBundle(folder: string): boolean {
          cpSync(join(builtFunctions(), name), folder, { recursive: true });
          return true;
        },
      },
    },
  });
}
