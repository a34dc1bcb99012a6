/** Turns the errors of sockets, TLS and HTTP into the reason why a source could not be used. Pure. */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError, type SourceFailure } from '../../errors.ts';

const REASON_OF_CODE: Readonly<Record<string, SourceFailure>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'stalled',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
  EPROTO: 'tls',
};

const SENTENCE: Readonly<Partial<Record<SourceFailure, string>>> = {
  dns: 'its name could not be resolved',
  timeout: 'it did not answer in time',
  tls: 'its TLS certificate or handshake was not accepted',
  not_media: 'it does not speak HTTP',
};

/** The error for a source that gave no answer, with its reason. Returns a SourceError unchanged. */
export function openFailure(cause: unknown, url: URL): SourceError {
  if (cause instanceof SourceError) return cause;
  const code = codeOf(cause);
  const reason = reasonOf(code);
  const why = SENTENCE[reason] ?? refusedSentence(code);
  return new SourceError(reason, `The source ${maskUrl(url)} could not be opened: ${why}.`, { cause });
}

/** The error for a source that broke off in the middle of its body. */
export function bodyFailure(cause: unknown, url: string): SourceError {
  if (cause instanceof SourceError) return cause;
  const code = codeOf(cause);
  if (code === 'UND_ERR_ABORTED') return new SourceError('stopped', 'The source is no longer wanted.', { cause });
  const detail = code === undefined ? '' : ` (${code})`;
  return new SourceError('ended', `The source ${maskUrl(url)} broke off in the middle of its data${detail}.`, {
    cause,
  });
}

function reasonOf(code: string | undefined): SourceFailure {
  if (code === undefined) return 'refused';
  if (code.startsWith('HPE_')) return 'not_media';
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_)/.test(code)) return 'tls';
  return REASON_OF_CODE[code] ?? 'refused';
}

function refusedSentence(code: string | undefined): string {
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'it closed the connection without an answer';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'it cannot be reached from here';
  return code === undefined ? 'the connection failed' : `the connection failed (${code})`;
}

/** The first error code in a chain of causes. When several addresses were tried, the last one's. */
function codeOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // The only undici error whose code may be missing.
  if (error.name === 'HTTPParserError') return 'HPE_INVALID';
  if (error instanceof AggregateError) return codeOf(error.errors.at(-1), depth + 1);
  return codeOf(error.cause, depth + 1);
}
