/** Who sends a playback request: address, player, user name, and the client id made from them. */

import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Viewer } from '../../viewers/seating.ts';
import { clientId, emptyIsNone } from '../http/fields.ts';

/** The part of a playback query that says who plays. */
export const viewerQuery = {
  client_id: emptyIsNone(clientId).describe(
    'Id of the client. When absent, it is made from address, player, stream and user.',
  ),
  username: z.string().max(256).optional().describe('Name of the viewer, for statistics.'),
  user: z.string().max(256).optional().describe('The same as `username`.'),
  u: z.string().max(256).optional().describe('The same as `username`.'),
};

export interface ViewerQuery {
  readonly client_id?: string | undefined;
  readonly username?: string | undefined;
  readonly user?: string | undefined;
  readonly u?: string | undefined;
}

const MAX_HEADER_CHARACTERS = 512;

/** The viewer behind a request for `streamId`, and the client id that it requests. */
export function viewerOf(
  request: FastifyRequest,
  query: ViewerQuery,
  streamId: string,
  workerId: string,
): { readonly viewer: Viewer; readonly clientId: () => string } {
  const nowMs = Date.now();
  const ipAddress = addressOf(request);
  const userAgent = (request.headers['user-agent'] ?? 'unknown').slice(0, MAX_HEADER_CHARACTERS);
  const username = usernameOf(request, query);
  const viewer: Viewer = {
    streamId,
    workerId,
    userAgent,
    ipAddress,
    username,
    connectedAtMs: nowMs,
    lastAccessMs: nowMs,
    bytesServed: 0,
    segmentsServed: 0,
  };
  return { viewer, clientId: () => query.client_id ?? derivedId(ipAddress, userAgent, streamId, username) };
}

function usernameOf(request: FastifyRequest, { username, user, u }: ViewerQuery): string | undefined {
  const header = request.headers['x-username'];
  const given = typeof header === 'string' ? header.slice(0, MAX_HEADER_CHARACTERS) : undefined;
  return [given, username, user, u].find((name) => name !== undefined && name !== '');
}

/**
 * Whether a browser's own player asks, and no script in a page. Browsers say so where the address is HTTPS or of this machine
 * (Fetch Metadata, W3C); elsewhere they are known by the range that only their own player asks of a playlist.
 */
export function isOfBrowser({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const destination = headers['sec-fetch-dest'];
  if (destination !== undefined) return destination === 'video' || destination === 'audio';
  return headers.range !== undefined && headers['user-agent']?.startsWith('Mozilla/') === true;
}

/** What a trusted proxy says (TRUST_PROXY), if it is an address; else the address of the peer. */
function addressOf(request: FastifyRequest): string {
  // It is undefined when the peer has hung up already, though its type says otherwise.
  const { ip: peer = '' }: { readonly ip?: string } = request;
  const said = peer.trim().replace(/^\[(.*)\](:\d+)?$/, '$1');
  const ip = isIP(said) === 0 ? (request.socket.remoteAddress ?? '') : said;
  return ip.replace(/^::ffff:(?=\d+\.)/, '');
}

function derivedId(ip: string, userAgent: string, streamId: string, username: string | undefined): string {
  const hash = createHash('md5').update(`${ip}-${userAgent}-${streamId}-${username ?? ''}`);
  return `client_${hash.digest('hex').slice(0, 16)}`;
}
