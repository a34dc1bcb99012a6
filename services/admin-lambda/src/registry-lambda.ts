/**
 * Lambda function inside the VPC: the half of the admin API that reaches Redis. Only lambda.ts invokes it; that file says why
 * there are two.
 *
 * Handler: `registry-lambda.handler`. Environment: RegistryEnvironment. Rights: only its log and its network interface.
 * Network: the workers' private subnets, with a way to Redis only. Timeout: 10 s.
 * The folder `scripts/` (services/registry/redis/scripts) lies beside the bundle: `npm run build` puts both in
 * dist/admin-functions/registry/. The other two functions are in front/ and authorizer/ beside it.
 */

import { type ClusterAdmin, type ClusterCall, PasswordRefused, RegistryUnavailable } from './cluster/cluster-admin.ts';
import { DirectCluster } from './cluster/direct-cluster.ts';
import { RedisLink } from './cluster/redis-link.ts';
import type { RegistryAnswer, RegistryRequest } from './cluster/remote-cluster.ts';
import { readRegistry } from './environment.ts';

interface Opened {
  readonly link: RedisLink;
  readonly cluster: ClusterAdmin;
}

let opened: Opened | undefined;

export async function handler({ call, password }: RegistryRequest): Promise<RegistryAnswer> {
  opened ??= open();
  if (password !== undefined) opened.link.password = password;
  try {
    return { ok: true, result: await answer(opened.cluster, call) };
  } catch (error) {
    if (!(error instanceof RegistryUnavailable)) throw error;
    return { ok: false, unavailable: error.message, passwordRefused: error instanceof PasswordRefused };
  }
}

function open(): Opened {
  const settings = readRegistry(process.env);
  const link = new RedisLink(settings);
  return { link, cluster: new DirectCluster(link, settings) };
}

function answer(cluster: ClusterAdmin, call: ClusterCall): Promise<unknown> {
  switch (call.operation) {
    case 'ping':
      return cluster.ping();
    case 'numbers':
      return cluster.numbers();
    case 'workers':
      return cluster.workers();
    case 'streams':
      return cluster.streams(...call.args);
    case 'stream':
      return cluster.stream(...call.args);
    case 'deleteStream':
      return cluster.deleteStream(...call.args);
    case 'cleanup':
      return cluster.cleanup(...call.args);
    case 'drain':
      return cluster.drain(...call.args);
    case 'undrain':
      return cluster.undrain(...call.args);
    case 'noteDeployment':
      return cluster.noteDeployment(...call.args);
    case 'failover':
      return cluster.failover(...call.args);
    case 'disconnect':
      return cluster.disconnect(...call.args);
    case 'viewers':
      return cluster.viewers(...call.args);
    case 'broadcasts':
      return cluster.broadcasts(...call.args);
  }
}
