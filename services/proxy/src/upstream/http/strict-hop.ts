/** Sends a request and reads the answer with undici's parser, which requires the standard. */
import { Client } from 'undici';
import { deferred } from '../../async.ts';
import { framingOf, lengthsOf, UnreadableAnswer } from '../messages/lenient-head.ts';
import { type HopRequest, type HopResponse, pathOf, pinnedConnector } from './hop.ts';

/** Players read this much too. The lenient parser has its own, higher limit. */
const MAX_HEAD_BYTES = 64 * 1024;

/** @throws when the answer breaks the standard; `isMalformed` recognises that error */
export async function strictHop(request: HopRequest): Promise<HopResponse> {
  const { url, method, headers, body, opening, malformed } = request;
  const closed = deferred<void>();
  const client = new Client(url.origin, {
    connect: pinnedConnector(request, (socket) => socket.once('close', () => closed.resolve())),
    maxHeaderSize: MAX_HEAD_BYTES,
    // No keep-alive, and no time limits but our own.
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const answer = await client.request({ path: pathOf(url), method, headers, body: body ?? null, signal: opening });
    // A reader of the body listens for its errors. A body that is only destroyed has nobody to tell.
    answer.body.on('error', (error) => {
      if (isMalformed(error)) malformed();
    });
    answer.body.once('close', () => void client.destroy());
    const { statusCode: status, headers: got } = answer;
    if (isDoubtful({ status, headers: got }, method)) {
      answer.body.destroy();
      throw new UnreadableAnswer('The head of the answer contradicts itself.', 'HPE_UNEXPECTED_CONTENT_LENGTH');
    }
    return { status, headers: got, body: answer.body, closed: closed.promise };
  } catch (error) {
    await client.destroy();
    throw error;
  }
}

/** Whether undici failed because of the answer's form. Another parser may be able to read it. */
export function isMalformed(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_')) return true;
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return true;
  // The answer was an unexpected `100 Continue`.
  return code === 'UND_ERR_SOCKET' && error.message === 'bad response';
}

/** Heads that undici accepts although it then misjudges the body. */
function isDoubtful({ status, headers }: Pick<HopResponse, 'status' | 'headers'>, method: string): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  if (length === undefined) return false;
  if (coding !== undefined || lengthsOf(length).length > 1) return true;
  const known = { 'content-length': length, connection: headers.connection ?? '' };
  return framingOf({ status, headers: known }, method).kind === 'close';
}
