/** A request read by undici's parser, which holds servers to the standard. */
import { Client } from 'undici';
import { deferred } from '../../async.ts';
import { framingOf, lengthsOf, UnreadableAnswer } from '../messages/lenient-head.ts';
import { type HopRequest, type HopResponse, pathOf, pinnedConnector } from './hop.ts';

/** What players read, too; beyond it the lenient parser has its own limit. */
const MAX_HEAD_BYTES = 64 * 1024;

/** @throws what `isMalformed` tells from other failures when the answer is not as the standard has it */
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
    // Whoever reads the body listens for its errors; when it is only destroyed there is nobody to tell.
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

/** Whether it was the answer's form that undici stumbled over; another parser may read it. */
export function isMalformed(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_')) return true;
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return true;
  // An answer of `100 Continue` that nobody asked for.
  return code === 'UND_ERR_SOCKET' && error.message === 'bad response';
}

/** Heads that undici lets pass and whose body it then misjudges. */
function isDoubtful({ status, headers }: Pick<HopResponse, 'status' | 'headers'>, method: string): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  if (length === undefined) return false;
  if (coding !== undefined || lengthsOf(length).length > 1) return true;
  const known = { 'content-length': length, connection: headers.connection ?? '' };
  return framingOf({ status, headers: known }, method).kind === 'close';
}
