/** Which secrets a worker uses: those of the settings, else those of the cluster. */

import { expect, it } from 'vitest';
import { SharedSecrets } from '../../../services/proxy/src/cluster/shared-secrets.ts';

it('are the given ones, which nobody else may change', async () => {
  const secrets = new SharedSecrets({ clusterSecret: 'given', playbackSecret: 'also given' });
  await secrets.agree(async () => {
    throw new Error('nothing to agree on');
  });
  expect([secrets.cluster, secrets.playback]).toEqual(['given', 'also given']);
});

it('are drawn at the start, and the ones of the cluster after they were agreed on', async () => {
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: 'given' });
  const drawn = secrets.cluster;
  const offered: [string, string][] = [];
  const agreeOn = async (name: string, own: string) => {
    offered.push([name, own]);
    return 'of the cluster';
  };
  await secrets.agree(agreeOn);
  expect([secrets.cluster, secrets.playback]).toEqual(['of the cluster', 'given']);
  // A Redis that has lost the secret gets the one that the workers use by now.
  await secrets.agree(agreeOn);
  expect(offered).toEqual([
    ['cluster', drawn],
    ['cluster', 'of the cluster'],
  ]);
});

it('are drawn by each worker for itself', () => {
  const none = { clusterSecret: undefined, playbackSecret: undefined };
  const [one, two] = [new SharedSecrets(none), new SharedSecrets(none)];
  // The smaller one counts, and those of earlier versions are hexadecimal.
  expect('f'.repeat(48) < one.cluster).toBe(true);
  expect(new Set([one.cluster, one.playback, two.cluster, two.playback]).size).toBe(4);
});

it('knows for a day which secrets for playback the cluster has replaced', async () => {
  let nowMs = 0;
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: undefined }, () => nowMs);
  const drawn = secrets.playback;
  expect(secrets.playbackSoFar).toEqual([drawn]);
  await secrets.agree(async (name) => `${name} 1`);
  await secrets.agree(async (_name, own) => own);
  expect(secrets.playbackSoFar).toEqual(['playback 1', drawn]);
  nowMs = 60_000;
  await secrets.agree(async (name) => `${name} 2`);
  expect(secrets.playbackSoFar).toEqual(['playback 2', 'playback 1', drawn]);
  nowMs = 24 * 60 * 60_000;
  expect(secrets.playbackSoFar).toEqual(['playback 2', 'playback 1']);
});

it('learns from the others what the cluster has replaced, and says so of its own only when it was used', async () => {
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: undefined });
  expect(await secrets.agree(async (name) => `${name} of the cluster`)).toBeUndefined();
  expect(secrets.playbackSoFar).toEqual(['playback of the cluster']);
  secrets.learn(['newer', 'playback of the cluster', 'older']);
  secrets.learn(['newer', 'older']);
  expect(secrets.playbackSoFar).toEqual(['playback of the cluster', 'newer', 'older']);
  expect(await secrets.agree(async (name) => `${name} again`)).toBe('playback of the cluster');
});

it('has no former secret when a setting gives it', async () => {
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: 'given' });
  await secrets.agree(async () => 'of the cluster');
  secrets.learn(['of another one']);
  expect(secrets.playbackSoFar).toEqual(['given']);
});
