/** The warning of a worker without API_TOKEN, for its log and GET /info. */

import type { Config } from './config.ts';

/** Undefined when there is a token. */
export function openApiWarning({ apiToken, host }: Pick<Config, 'apiToken' | 'host'>): string | undefined {
  if (apiToken !== undefined) return undefined;
  const who =
    host === '127.0.0.1' || host === '::1' || host === 'localhost' ? 'every program on this machine' : 'everybody';
  return (
    `API_TOKEN is not set: ${who} who reaches this port can create and delete streams, run FFmpeg with any allowed ` +
    'arguments, fetch sources through this network, and see who watches what. Set API_TOKEN (openssl rand -hex 24 ' +
    'generates one) and send it as header X-API-Token.'
  );
}
