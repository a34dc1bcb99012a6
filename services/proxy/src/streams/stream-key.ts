/** The sharing rule: when two requests mean the same stream, and how many clients share a process. Pure. */

import { createHash } from 'node:crypto';
import type { StreamPage, StreamProfile } from '../../../registry/types.ts';

export type SharingStrategy = 'url_profile' | 'url_only' | 'disabled';

export interface KeyParts {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly profile: StreamProfile;
}

const KEYS: Record<SharingStrategy, (parts: KeyParts) => unknown> = {
  url_profile: (parts) => [...source(parts), ...output(parts)],
  url_only: (parts) => source(parts),
  disabled: (parts) => KEYS.url_profile(parts),
};

function source({ url, headers, userAgent }: Omit<KeyParts, 'profile'>): unknown[] {
  const sorted = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [url, sorted, userAgent];
}

/** Whether a profile says HLS changes nothing: segments are cut from the same output. */
function output({ profile }: KeyParts): unknown[] {
  const { inputOptions, outputOptions, container, audioLanguage } = profile;
  return [inputOptions, outputOptions, container, ...(audioLanguage === undefined ? [] : [audioLanguage])];
}

/** 32 hex digits derived from everything that changes a transcoded stream's bytes or credentials. */
export function transcodedStreamId(strategy: SharingStrategy, parts: KeyParts): string {
  return md5(JSON.stringify(['transcoded', KEYS[strategy](parts)]));
}

/** Equal for page resolvers that are asked the same with the same cookies. A hash, because it goes where cookies must not. */
export function pageKey({ resolver, args, cookies, cookiesPath }: Omit<StreamPage, 'key'>): string {
  return md5(JSON.stringify([resolver, args, cookies ?? '', cookiesPath ?? '']));
}

/** 32 hex digits of the page, how its media is found, and what is sent with it. */
export function pageStreamId(key: string, parts: Omit<KeyParts, 'profile'>): string {
  return md5(JSON.stringify(['page', key, source(parts)]));
}

/** m3u-proxy's id of a direct stream, which its clients compute themselves. */
export function directStreamId(url: string): string {
  return md5(url);
}

/** Clients per process; 0: no cap. */
export function clientCap(strategy: SharingStrategy, poolingEnabled: boolean, maxClients: number): number {
  return strategy === 'disabled' || !poolingEnabled ? 1 : maxClients;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
