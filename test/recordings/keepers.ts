/** Where the workers of a test keep recordings, and how one of them is caught there in the middle of a write. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { PutGate } from '../support/put-gate.ts';
import { stoppedInWrite } from '../support/stopped-in-write.ts';
import { startSwift } from '../support/swift.ts';
import type { Worker } from '../support/worker.ts';

export interface Keeper {
  /** Every worker reads what another one has written. */
  readonly isShared: boolean;
  /** Settings of a worker, by its name. Each start of it gets the same. */
  settingsOf(name: string): Promise<Record<string, string>>;
  /** Ends the maker with SIGKILL, in the middle of a write where the test can see one. */
  kill(name: string, worker: Worker): Promise<void>;
  /** Stops the maker with SIGSTOP in the middle of writing a segment. */
  stop(name: string, worker: Worker): Promise<void>;
  /** Lets it go on, and what it had half written. */
  goOn(name: string, worker: Worker): Promise<void>;
  /** How many files there are of a recording that was deleted. */
  left(): Promise<number>;
  /** When no worker needs it any more. */
  close(): Promise<void>;
}

/** A folder that all workers have, or one for each. */
export async function folders(id: string, isShared: boolean): Promise<Keeper> {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-recordings-'));
  const folderOf = (name: string) => (isShared ? folder : join(folder, name));
  return {
    isShared,
    settingsOf: async (name) => ({ RECORDINGS: folderOf(name), RECORDINGS_SHARED: String(isShared) }),
    kill: async (_, worker) => void (await worker.kill()),
    stop: async (name, { pid }) => {
      expect(await stoppedInWrite(join(folderOf(name), id), pid)).toMatch(/live\d+\.ts\..+\.part$/);
    },
    goOn: async (_, worker) => worker.signal('SIGCONT'),
    left: async () => (await readdir(folder, { recursive: true })).filter((name) => /\.(ts|json)$/.test(name)).length,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

const BUCKET = 'recordings';
const PREFIX = 'three/minutes';

/** A bucket of OpenStack Swift. Between it and each worker there is a gate. */
export async function swiftBucket(id: string): Promise<Keeper> {
  const swift = await startSwift(BUCKET);
  const gates = new Map<string, PutGate>();
  const gateOf = (name: string): PutGate => gates.get(name) as PutGate;
  const isThere = (path: string): Promise<boolean> =>
    swift.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: path.slice(BUCKET.length + 2) })).then(
      () => true,
      (error: Error) => {
        if (error.name !== 'NotFound') throw error;
        return false;
      },
    );
  const halfOf = async (name: string): Promise<string> => {
    const path = await gateOf(name).half();
    expect(path).toMatch(new RegExp(`^/${BUCKET}/${PREFIX}/${id}/\\d+/live\\d{6}\\.ts$`));
    expect(await isThere(path)).toBe(false);
    return path;
  };
  return {
    isShared: true,
    settingsOf: async (name) => {
      const gate = gates.get(name) ?? (await PutGate.start(swift.environment.AWS_ENDPOINT_URL_S3 ?? ''));
      gates.set(name, gate);
      return { ...swift.environment, AWS_ENDPOINT_URL_S3: gate.origin, RECORDINGS: `s3://${BUCKET}/${PREFIX}` };
    },
    kill: async (name, worker) => {
      const path = await halfOf(name);
      await worker.kill();
      gateOf(name).drop();
      expect(await isThere(path)).toBe(false);
    },
    stop: async (name, worker) => {
      await halfOf(name);
      worker.signal('SIGSTOP');
    },
    goOn: async (name, worker) => {
      worker.signal('SIGCONT');
      gateOf(name).release();
    },
    left: async () => (await swift.client.send(new ListObjectsV2Command({ Bucket: BUCKET }))).KeyCount ?? 0,
    close: async () => {
      for (const gate of gates.values()) gate.close();
      await swift.close();
    },
  };
}
