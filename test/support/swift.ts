/**
 * A server of S3 that others have written: OpenStack Swift with its s3api, as Debian packages it (`swift-proxy swift-account
 * swift-container swift-object memcached`). One of each part, on free ports of this machine, in a folder of its own.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export interface Swift {
  /** What a worker needs to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly client: S3Client;
  close(): Promise<void>;
}

/** Swift's own user for tests: `test:tester`, with this password. */
const KEY = 'testing';
const SECRET = 'test:tester';
const PARTS = ['account', 'container', 'object'] as const;

/** Starts it, with an empty bucket of this name. */
export async function startSwift(bucket: string): Promise<Swift> {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-swift-'));
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(ended));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const ports = { proxy: await freePort(), memcached: await freePort() };
    if ((await exitOf(spawn('swift-ring-builder', [], { stdio: 'ignore' }))) === 'absent') {
      throw new Error('apt-get install swift-proxy swift-account swift-container swift-object memcached');
    }
    await mkdir(join(folder, 'etc'));
    await mkdir(join(folder, 'devices', 'd1'), { recursive: true });
    const etc = (name: string) => join(folder, 'etc', name);
    await writeFile(etc('swift.conf'), '[swift-hash]\nswift_hash_path_suffix = streampool\n');
    const begin = (program: string, ...args: string[]) => {
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: environmentOf(folder) });
      child.stderr?.resume();
      children.push(child);
    };
    begin('memcached', '-l', '127.0.0.1', '-p', String(ports.memcached), '-u', userInfo().username);
    for (const part of PARTS) {
      const port = await freePort();
      await writeFile(etc(`${part}.conf`), partConfig(part, folder, port));
      for (const args of [
        ['create', '4', '1', '1'],
        [
          'add',
          '--region',
          '1',
          '--zone',
          '1',
          '--ip',
          '127.0.0.1',
          '--port',
          String(port),
          '--device',
          'd1',
          '--weight',
          '1',
        ],
        ['rebalance'],
      ]) {
        const builder = spawn('swift-ring-builder', [etc(`${part}.builder`), ...args], { stdio: 'ignore' });
        await ended(builder);
      }
      begin(`swift-${part}-server`, etc(`${part}.conf`));
    }
    await writeFile(etc('proxy.conf'), proxyConfig(folder, ports));
    begin('swift-proxy-server', etc('proxy.conf'));
    const origin = `http://127.0.0.1:${ports.proxy}`;
    const isUp = () =>
      fetch(`${origin}/healthcheck`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(isUp, { what: 'Swift', timeoutMs: 30_000 });
    const client = new S3Client({
      ...{ endpoint: origin, forcePathStyle: true, region: 'us-east-1' },
      credentials: { accessKeyId: SECRET, secretAccessKey: KEY },
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return {
      environment: {
        AWS_ENDPOINT_URL_S3: origin,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: SECRET,
        AWS_SECRET_ACCESS_KEY: KEY,
      },
      client,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function environmentOf(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, SWIFT_DIR: join(folder, 'etc') };
}

function common(folder: string): string {
  return `[DEFAULT]
swift_dir = ${join(folder, 'etc')}
devices = ${join(folder, 'devices')}
mount_check = false
bind_ip = 127.0.0.1
workers = 0
user = ${userInfo().username}
log_address = ${join(folder, 'log')}
`;
}

function partConfig(part: (typeof PARTS)[number], folder: string, port: number): string {
  return `${common(folder)}bind_port = ${port}
[pipeline:main]
pipeline = ${part}-server
[app:${part}-server]
use = egg:swift#${part}
`;
}

function proxyConfig(folder: string, ports: { readonly proxy: number; readonly memcached: number }): string {
  return `${common(folder)}bind_port = ${ports.proxy}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth bulk slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${ports.memcached}
`;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await exitOf(child);
}

/** `absent`: there is no such program. */
function exitOf(child: ChildProcess): Promise<'ended' | 'absent'> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve('ended'));
    child.once('error', () => resolve('absent'));
  });
}
