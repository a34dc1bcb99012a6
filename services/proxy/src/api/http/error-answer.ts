/** Turns every error into the answer `{"detail": …}` with the right status. */

import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BadRecordError } from '../../../../registry/bad-record.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskText } from '../../../../shared/masking/mask.ts';
import { StoreError } from '../../broadcasts/store/recording-store.ts';
import { StreampoolError } from '../../errors.ts';
import { noteRefusal } from './access-log.ts';
import { InvalidRequest } from './validation.ts';

/** How long the rest of a too large body may take. */
const LET_PASS_MS = 3_000;

/** The next answer may be another one. */
const NOT_KEPT = { 'cache-control': 'no-store' };

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly detail: unknown };
}

/** What Fastify's own errors mean for the caller. Fastify's messages name classes and options that callers do not know. */
const FRAMEWORK: Readonly<Record<string, (maxBodyBytes: number) => string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (bytes) => `The request body is larger than ${bytes} bytes (MAX_BODY_BYTES).`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => 'Send the body as JSON, with Content-Type: application/json.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => 'The length of the request body differs from its Content-Length.',
  FST_ERR_BAD_URL: () => 'The path of the request is not a valid URL path.',
};

/** Unexpected errors give 500 without internal details; `isBug` tells the caller to log them. */
export function errorAnswer(error: unknown, maxBodyBytes: number): ErrorAnswer & { readonly isBug: boolean } {
  if (error instanceof InvalidRequest) return answer(422, error.details);
  if (error instanceof StreampoolError) {
    const { status, message, retryAfterSeconds } = error;
    return answer(status, maskText(message), {
      ...(status === 401 || status === 403 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
    });
  }
  if (error instanceof StoreError || error instanceof BadRecordError) return answer(503, maskText(error.message));
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const status = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
  const known = typeof code === 'string' ? FRAMEWORK[code] : undefined;
  if (known !== undefined) return answer(status, known(maxBodyBytes));
  if (status < 500 && error instanceof Error) return answer(status, maskText(error.message));
  return { ...answer(500, 'Something went wrong in the worker. Its log says what.'), isBug: true };
}

/** Sends an error as its answer, and logs the errors that only a programmer can fix. */
export async function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: { readonly log: Logger; readonly maxBodyBytes: number },
): Promise<FastifyReply> {
  const { status, headers, body, isBug } = errorAnswer(error, options.maxBodyBytes);
  noteRefusal(request, body.detail);
  if (status === 413) await letPass(request.raw);
  if (isBug) options.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'a bug');
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').send(body);
}

/** Reads an unwanted body to its end: a caller that is still sending when the connection closes never sees the answer. */
function letPass(message: IncomingMessage): Promise<void> {
  if (message.complete || message.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, LET_PASS_MS);
    message.once('end', done).once('close', done).resume();
  });
}

function answer(
  status: number,
  detail: unknown,
  headers: Readonly<Record<string, string>> = {},
): ErrorAnswer & { readonly isBug: boolean } {
  return { status, headers: { ...headers, ...NOT_KEPT }, body: { detail }, isBug: false };
}
