/** The streams of a simulation, by their numbers in a schedule. */

import { accountOf } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { SPEC } from '../stream-spec.ts';
import { type Happening, ONE_ACCOUNT, SECOND_PROFILE } from './schedule.ts';

/** @param hasBackup whether it can fail over */
export function specOf(stream: number, hasBackup: boolean): StreamSpec {
  const source = stream === SECOND_PROFILE ? 0 : stream;
  return {
    ...SPEC,
    id: String(stream).repeat(32),
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

/** The accounts that a stream may read from. */
export function accountsOf({ url, failoverUrls, headers, userAgent }: StreamSpec): string[] {
  return [url, ...failoverUrls].map((each) => accountOf({ url: each, headers, userAgent }));
}

/** The second and the third part of the path are the account. */
export function sourceUrl(stream: number, isBackup: boolean): string {
  return `http://${isBackup ? 'backup' : 'provider'}/live/user/${Math.min(stream, ONE_ACCOUNT)}/${stream}.m3u8`;
}

/** Only where a source breaks: else a refusal at an account's limit would be a reason to leave the source. */
export function haveBackups(happenings: readonly Happening[]): boolean {
  return happenings.some(({ kind }) => kind === 'source' || kind === 'failover');
}
