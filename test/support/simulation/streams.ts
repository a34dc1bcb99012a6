/** The streams of a simulation, by their numbers in a schedule. */

import { accountOf } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../../../services/proxy/src/upstream/provider/source-address.ts';
import { sourceFeedOf } from '../../../services/proxy/src/upstream/provider/source-key.ts';
import { isLiveByName } from '../../../services/proxy/src/upstream/provider/source-kind.ts';
import { processFeedKey } from '../../../services/registry/feed-keys.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { SPEC } from '../stream-spec.ts';
import { RESOLVER_URL } from './providers/resolver.ts';
import { LIVE, ONE_ACCOUNT, type Schedule, SECOND_PROFILE } from './schedule.ts';

/** How streams fail over. */
type Backups = 'none' | 'list' | 'resolver';

export function idOf(stream: number): string {
  return stream.toString(16).repeat(32);
}

export function specOf(stream: number, schedule: Schedule): StreamSpec {
  const source = firstProfile(stream);
  const backups = backupsOf(schedule);
  const isDirect = schedule.direct?.includes(stream) === true;
  return {
    ...SPEC,
    id: idOf(stream),
    url: sourceUrl(source, false),
    failoverUrls: backups === 'list' ? [sourceUrl(source, true)] : [],
    failoverResolverUrl: backups === 'resolver' ? RESOLVER_URL : undefined,
    profile: isDirect ? undefined : PROFILE,
    share: true,
  };
}

const PROFILE = {
  name: 'simulated',
  variables: {},
  args: [],
  inputOptions: [],
  outputOptions: [],
  container: 'mpegts',
  hls: false,
  video: 'encode',
  audio: 'encode',
} as const;

/** The id of a stream that it moves with: of its channel's first profile. */
export function groupOf(id: string): string {
  return idOf(firstProfile(numberOf(id)));
}

function numberOf(id: string): number {
  return Number.parseInt(id.slice(0, 1), 16);
}

/** The sources that a stream may have, the primary one first. */
export function sourcesOf({
  id,
  url,
  failoverUrls,
  failoverResolverUrl,
  headers,
  userAgent,
}: StreamSpec): SourceAddress[] {
  const backups = failoverResolverUrl === undefined ? failoverUrls : [sourceUrl(firstProfile(numberOf(id)), true)];
  return [url, ...backups].map((each) => ({ url: each, headers, userAgent }));
}

/** The stream of the same channel that is its first profile. */
export function firstProfile(stream: number): number {
  return stream % LIVE === SECOND_PROFILE ? stream - SECOND_PROFILE : stream;
}

/** The feeds that a stream may have, with so many processes. */
export function feedsOf(spec: StreamSpec, slots: number): string[] {
  const sources = sourcesOf(spec).filter(({ url }) => isLiveByName(url));
  return [...Array.from({ length: slots }, (_, slot) => processFeedKey(spec.id, slot)), ...sources.map(sourceFeedOf)];
}

/** The accounts that a stream may read from. */
export function accountsOf(spec: StreamSpec): string[] {
  return sourcesOf(spec).map(accountOf);
}

/** The second and the third part of the path are the account. */
export function sourceUrl(stream: number, isBackup: boolean): string {
  const account = Math.min(stream % LIVE, ONE_ACCOUNT);
  const kind = stream >= LIVE ? 'ts' : 'm3u8';
  return `http://${isBackup ? 'backup' : 'provider'}/live/user/${account}/${stream}.${kind}`;
}

/** Only where a source breaks: else a refusal at an account's limit would be a reason to leave the source. */
function backupsOf({ happenings, hasResolver = false }: Schedule): Backups {
  if (!happenings.some(({ kind }) => kind === 'source' || kind === 'failover')) return 'none';
  return hasResolver ? 'resolver' : 'list';
}
