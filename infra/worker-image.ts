/** The image of the workers: built from this repository, or taken from a registry. */

import { IgnoreMode } from 'aws-cdk-lib';
import { type DockerImageAssetOptions, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { StageConfig } from './config.ts';
import { ROOT } from './root.ts';

/** Synthesis only hashes the files of the context; only `cdk deploy` needs Docker, to build the image. */
export function workerImage({ image, architecture }: StageConfig): ContainerImage {
  if (image !== undefined) return ContainerImage.fromRegistry(image);
  return ContainerImage.fromAsset(ROOT, imageOptions(architecture));
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
    exclude: ['scripts/*', '!scripts/bundle.mjs', 'services/admin-lambda', 'tools'],
    // The architecture changes the image, so it must change its hash.
    extraHash: architecture,
  };
}
