/** One connection to a server whose answers undici's parser reads, which requires the standard. */
import { Client } from 'undici';
import { deferred } from '../../async.ts';
import { framingOf, lengthsOf, UnreadableAnswer } from '../messages/lenient-head.ts';
import { type Hop, type HopRequest, type HopResponse, pathOf, pinnedConnector } from './hop.ts';

/** Players read this much too. The lenient parser has its own, higher limit. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Whoever keeps a connection closes it before this. A server that says how long it keeps one is believed. */
const MAX_KEPT_MS = 10 * 60_000;

export class StrictConnection {
  /** Resolves when its socket is closed; never when it had none. */
  readonly closed: Promise<void>;
  readonly #client: Client;
  #isOpen = true;

  /**
   * @param request the first one: it waits for the connection
   * @param isKept whether further requests may follow on it
   */
  constructor(request: HopRequest, isKept: boolean) {
    const closed = deferred<void>();
    this.closed = closed.promise;
    const connect = pinnedConnector(request, (socket) => socket.once('close', () => closed.resolve()));
    let hasConnected = false;
    this.#client = new Client(request.url.origin, {
      connect: (options, callback) => {
        // What was checked for the first connection is not checked for another one.
        if (hasConnected) return callback(new Error('The server has closed the connection.'), null);
        hasConnected = true;
        return connect(options, callback);
      },
      maxHeaderSize: MAX_HEAD_BYTES,
      pipelining: isKept ? 1 : 0,
      keepAliveTimeout: MAX_KEPT_MS,
      keepAliveMaxTimeout: MAX_KEPT_MS,
      // No time limits but our own.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#client.on('disconnect', () => {
      this.#isOpen = false;
    });
  }

  /** The server has not closed it, as far as is known. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Sends a request and reads the head of its answer. One at a time.
   *
   * @param onWhole called when the answer has been read to its end, so that the next request may follow; unset: none follows
   * @throws when the answer breaks the standard; `isMalformed` recognises that error
   */
  async ask(request: Omit<HopRequest, 'pinned'>, onWhole?: () => void): Promise<HopResponse> {
    const { url, method, headers, body, opening, malformed } = request;
    const over = deferred<void>();
    try {
      const path = pathOf(url);
      const answer = await this.#client.request({ path, method, headers, body: body ?? null, signal: opening });
      // A reader of the body listens for its errors. A body that is only destroyed has nobody to tell.
      answer.body.on('error', (error) => {
        if (isMalformed(error)) malformed();
      });
      const { statusCode: status, headers: got } = answer;
      const isLast = onWhole === undefined || /\bclose\b/i.test(String(got.connection ?? ''));
      answer.body.once('close', () => {
        if (!isLast && answer.body.readableEnded && this.#isOpen) {
          onWhole();
          over.resolve();
        } else void this.close().then(over.resolve);
      });
      if (isDoubtful({ status, headers: got }, method)) {
        answer.body.destroy();
        throw new UnreadableAnswer('The head of the answer contradicts itself.', 'HPE_UNEXPECTED_CONTENT_LENGTH');
      }
      return { status, headers: got, body: answer.body, closed: over.promise };
    } catch (error) {
      await this.#client.destroy();
      throw error;
    }
  }

  /** Resolves when the other side can see it. Only for one that has been connected. */
  async close(): Promise<void> {
    this.#isOpen = false;
    void this.#client.destroy();
    await this.closed;
  }
}

/** One request on a connection of its own. */
export const strictHop: Hop = (request) => new StrictConnection(request, false).ask(request);

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
