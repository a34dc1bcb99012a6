/** The streams of a simulation, by their numbers in a schedule. */

import { accountOf } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { sourceFeedOf } from '../../../services/proxy/src/upstream/provider/source-key.ts';
import { isLiveByName } from '../../../services/proxy/src/upstream/provider/source-kind.ts';
import { processFeedKey } from '../../../services/registry/feed-keys.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { SPEC } from '../stream-spec.ts';
import { type Happening, LIVE, ONE_ACCOUNT, SECOND_PROFILE } from './schedule.ts';

/** @param hasBackup whether it can fail over */
export function specOf(stream: number, hasBackup: boolean): StreamSpec {
  const source = firstProfile(stream);
  return {
    ...SPEC,
    id: stream.toString(16).repeat(32),
    url: sourceUrl(source, false),
    failoverUrls: hasBackup ? [sourceUrl(source, true)] : [],
    profile: {
      name: 'simulated',
      variables: {},
      args: [],
      inputOptions: [],
      outputOptions: [],
      container: 'mpegts',
      hls: false,
      video: 'encode',
      audio: 'encode',
    },
  };
}

/** The id of a stream that it moves with: of its channel's first profile. */
export function groupOf(id: string): string {
  const stream = Number.parseInt(id.slice(0, 1), 16);
  return specOf(firstProfile(stream), false).id;
}

/** The stream of the same channel that is its first profile. */
export function firstProfile(stream: number): number {
  return stream % LIVE === SECOND_PROFILE ? stream - SECOND_PROFILE : stream;
}

/** The feeds that a stream may have, with so many processes. */
export function feedsOf({ id, url, failoverUrls, headers, userAgent }: StreamSpec, slots: number): string[] {
  const sources = [url, ...failoverUrls].filter((each) => isLiveByName(each));
  return [
    ...Array.from({ length: slots }, (_, slot) => processFeedKey(id, slot)),
    ...sources.map((each) => sourceFeedOf({ url: each, headers, userAgent })),
  ];
}

/** The accounts that a stream may read from. */
export function accountsOf({ url, failoverUrls, headers, userAgent }: StreamSpec): string[] {
  return [url, ...failoverUrls].map((each) => accountOf({ url: each, headers, userAgent }));
}

/** The second and the third part of the path are the account. */
export function sourceUrl(stream: number, isBackup: boolean): string {
  const account = Math.min(stream % LIVE, ONE_ACCOUNT);
  const kind = stream >= LIVE ? 'ts' : 'm3u8';
  return `http://${isBackup ? 'backup' : 'provider'}/live/user/${account}/${stream}.${kind}`;
}

/** Only where a source breaks: else a refusal at an account's limit would be a reason to leave the source. */
export function haveBackups(happenings: readonly Happening[]): boolean {
  return happenings.some(({ kind }) => kind === 'source' || kind === 'failover');
}
