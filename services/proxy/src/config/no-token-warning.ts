/** What it means that a worker has no API_TOKEN, as its log and GET /info say it. */

import type { Config } from './config.ts';

/** Undefined where there is a token. */
export function openApiWarning({ apiToken, host }: Pick<Config, 'apiToken' | 'host'>): string | undefined {
  if (apiToken !== undefined) return undefined;
  const who = host === '127.0.0.1' || host === '::1' || host === 'localhost' ? 'every program here' : 'everybody';
  return (
    `API_TOKEN is not set: ${who} who reaches this port may create and delete streams, run FFmpeg with arguments of ` +
    'their own, use this network to fetch sources, and see who watches what. Set one (openssl rand -hex 24 makes ' +
    'it) and send it as header X-API-Token.'
  );
}
