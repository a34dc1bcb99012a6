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

it('may lack the one of the cluster when it began alone, until all others have had the time to tell theirs', async () => {
  let nowMs = 0;
  const now = () => nowMs;
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: undefined }, now);
  const given = new SharedSecrets({ clusterSecret: undefined, playbackSecret: 'given' }, now);
  expect(secrets.isDoubtful).toBe(false);
  for (const each of [secrets, given]) each.beginAlone();
  nowMs = 60_000;
  expect([secrets.isDoubtful, given.isDoubtful]).toEqual([true, false]);
  // Of a Redis that was emptied: it may get this one before that of the others.
  await secrets.agree(async (_name, own) => own);
  nowMs += 4_999;
  expect(secrets.isDoubtful).toBe(true);
  nowMs += 1;
  expect(secrets.isDoubtful).toBe(false);
  await secrets.agree(async (_name, own) => own);
  expect(secrets.isDoubtful).toBe(false);
});

it('may lack the one of the cluster when Redis had none at its start', async () => {
  let nowMs = 0;
  const none = { clusterSecret: undefined, playbackSecret: undefined };
  const [first, later] = [new SharedSecrets(none, () => nowMs), new SharedSecrets(none, () => nowMs)];
  await first.agree(async (_name, own) => own);
  await later.agree(async (name) => `${name} of the cluster`);
  expect([first.isDoubtful, later.isDoubtful]).toEqual([true, false]);
  nowMs = 5_000;
  // A Redis that has lost it later gets it back from all who know it.
  for (const each of [first, later]) await each.agree(async (_name, own) => own);
  expect([first.isDoubtful, later.isDoubtful]).toEqual([false, false]);
});

it('has no former secret when a setting gives it', async () => {
  const secrets = new SharedSecrets({ clusterSecret: undefined, playbackSecret: 'given' });
  await secrets.agree(async () => 'of the cluster');
  secrets.learn(['of another one']);
  expect(secrets.playbackSoFar).toEqual(['given']);
});
