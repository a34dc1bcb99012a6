/** The API token: who may use the management API. */

import type { IncomingHttpHeaders } from 'node:http';
import { sameText } from '../../../../shared/same-text.ts';
import { StreampoolError } from '../../errors.ts';

export interface TokenCarrier {
  readonly headers: IncomingHttpHeaders;
  /** The URL as sent: a route's schema drops the parameters it does not know. */
  readonly originalUrl: string;
}

/** The query parameter that carries the token. */
export const TOKEN_PARAMETER = 'api_token';

const MISSING = 'API token required. Provide token via X-API-Token header or api_token query parameter.';
const WRONG = 'Invalid API token';

/**
 * Lets a request with the token pass. The header counts; without it, the query parameter.
 *
 * @param token undefined: the API is open
 * @param asBearer also accepts `Authorization: Bearer`, which metrics scrapers can send
 * @throws {StreampoolError} 401 without a token, 403 with a wrong one
 */
export function assertToken(token: string | undefined, request: TokenCarrier, asBearer = false): void {
  if (token === undefined) return;
  const given = tokenOf(request, asBearer);
  if (given === undefined) throw new StreampoolError(401, MISSING);
  if (!sameText(given, token)) throw new StreampoolError(403, WRONG);
}

/** Whether a request carries a token at all, right or wrong. */
export function carriesToken(request: TokenCarrier): boolean {
  return tokenOf(request, false) !== undefined;
}

function tokenOf({ headers, originalUrl }: TokenCarrier, asBearer: boolean): string | undefined {
  const header = headers['x-api-token'];
  if (typeof header === 'string' && header !== '') return header;
  const bearer = asBearer ? /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] : undefined;
  if (bearer !== undefined) return bearer;
  const query = new URLSearchParams(originalUrl.split('?').slice(1).join('?'));
  return query.getAll(TOKEN_PARAMETER).at(-1) || undefined;
}
