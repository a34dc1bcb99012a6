/** The image of the workers: built from this repository, or taken from a registry. */

import { IgnoreMode, Stack } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { type DockerImageAssetOptions, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { StageConfig } from './config.ts';
import { ROOT } from './root.ts';

/** `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`, or `@<digest>`. */
const IN_ECR =
  /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/(?<name>[^:@]+)(?:[:@](?<version>.+))?$/;

/**
 * Synthesis only hashes the files of the context; only `cdk deploy` needs Docker, to build the image. For an image in ECR, the
 * role with which ECS starts a worker gets the right to pull it, from that repository alone.
 */
export function workerImage(scope: Construct, { image, architecture }: StageConfig): ContainerImage {
  if (image === undefined) return ContainerImage.fromAsset(ROOT, imageOptions(architecture));
  const parts = IN_ECR.exec(image)?.groups;
  if (parts === undefined) return ContainerImage.fromRegistry(image);
  const { account, region, name = '', version } = parts;
  const repositoryArn = Stack.of(scope).formatArn({
    service: 'ecr',
    account,
    region,
    resource: 'repository',
    resourceName: name,
  });
  const repository = Repository.fromRepositoryAttributes(scope, 'Repository', { repositoryArn, repositoryName: name });
  return ContainerImage.fromEcrRepository(repository, version);
}

/** Whether the image comes from a repository that only a role with rights may pull from; the one built here does, too. */
export function isPrivate({ image }: Pick<StageConfig, 'image'>): boolean {
  return image === undefined || IN_ECR.test(image);
}

/**
 * How the image is built. A change of any file in the context gives the image another name, and that replaces all workers. So
 * the context has, of what .dockerignore leaves, only what the target needs.
 */
export function imageOptions(architecture: StageConfig['architecture']): DockerImageAssetOptions & { file: string } {
  return {
    file: 'services/proxy/Dockerfile',
    target: 'worker',
    platform: architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
    ignoreMode: IgnoreMode.DOCKER,
    exclude: [
      'scripts/*',
      '!scripts/bundle.mjs',
      '!scripts/console.mjs',
      '!scripts/notices.mjs',
      'services/admin-lambda',
      'tools',
    ],
    // The architecture changes the image, so it must change its hash.
    extraHash: architecture,
  };
}
