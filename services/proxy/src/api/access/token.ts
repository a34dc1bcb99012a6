/** The API token: who may use the management API. */

import type { IncomingHttpHeaders } from 'node:http';
import { sameText } from '../../../../shared/same-text.ts';
import { StreampoolError } from '../../errors.ts';

export interface TokenCarrier {
  readonly headers: IncomingHttpHeaders;
  /** As it was asked for: a route's schema keeps only the parameters it knows. */
  readonly originalUrl: string;
}

const MISSING = 'API token required. Provide token via X-API-Token header or api_token query parameter.';
const WRONG = 'Invalid API token';

/**
 * Lets a request through that carries the token, in a header or, without one there, in the query.
 *
 * @param token undefined: the API is open
 * @param asBearer `Authorization: Bearer` will do as well: what scrapers of metrics can send
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
  return query.getAll('api_token').at(-1) || undefined;
}
