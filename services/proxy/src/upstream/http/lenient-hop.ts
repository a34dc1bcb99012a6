/** Sends a request and reads the answer as players do, for servers that a strict parser refuses. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { ChunkedDecoder } from '../messages/chunked-body.ts';
import { type Framing, framingOf, type ResponseHead, readHead, UnreadableAnswer } from '../messages/lenient-head.ts';
import { type HopRequest, type HopResponse, pathOf, pinnedConnector } from './hop.ts';

/** Maximum number of interim answers such as `100 Continue` or `103 Early Hints` before one answer. */
const MAX_INTERIM = 16;

/** @throws {UnreadableAnswer} when the answer is not HTTP in any sense */
export async function lenientHop(request: HopRequest): Promise<HopResponse> {
  const socket = await connected(request);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  const abort = (): void => void socket.destroy();
  request.opening.addEventListener('abort', abort, { once: true });
  try {
    socket.write(requestText(request));
    const { head, rest } = await answerOf(socket);
    const body = new LenientBody(socket, framingOf(head, request.method), rest);
    body.on('error', () => undefined);
    return { ...head, body, closed };
  } catch (error) {
    socket.destroy();
    await closed;
    throw error;
  } finally {
    request.opening.removeEventListener('abort', abort);
  }
}

function connected(request: HopRequest): Promise<Socket> {
  const { url, opening } = request;
  opening.throwIfAborted();
  const { protocol, hostname, host, port } = url;
  return new Promise((resolve, reject) => {
    pinnedConnector(request)({ protocol, hostname, host, port }, (error, socket) => {
      if (error !== null) reject(error);
      else resolve(socket);
    });
  });
}

function requestText({ url, method, headers, body }: HopRequest): string {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const all = Object.entries({ host: url.host, ...headers, ...length, connection: 'close' });
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${pathOf(url)} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** Reads up to the end of the final head. */
async function answerOf(socket: Socket): Promise<{ head: ResponseHead; rest: Buffer }> {
  let bytes: Buffer = Buffer.alloc(0);
  let interim = 0;
  for (;;) {
    const found = readHead(bytes);
    if (found !== undefined) {
      bytes = bytes.subarray(found.bodyAt);
      if (found.head.status >= 200) return { head: found.head, rest: bytes };
      interim += 1;
      if (interim > MAX_INTERIM) throw new UnreadableAnswer('The answer never begins.');
      continue;
    }
    const chunk = await nextChunk(socket);
    if (chunk === undefined) throw Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' });
    bytes = Buffer.concat([bytes, chunk]);
  }
}

/** Undefined when the other side has closed. */
function nextChunk(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const events = ['readable', 'end', 'close', 'error'] as const;
    const attempt = (error?: unknown): void => {
      const chunk: Buffer | null = socket.read();
      const isOver = socket.readableEnded || socket.destroyed;
      if (chunk === null && error === undefined && !isOver) return;
      for (const event of events) socket.off(event, attempt);
      if (chunk !== null) resolve(chunk);
      else if (error instanceof Error) reject(error);
      else resolve(undefined);
    };
    for (const event of events) socket.on(event, attempt);
    attempt();
  });
}

/** The body after the head, until its end. */
class LenientBody extends Readable {
  readonly #socket: Socket;
  readonly #framing: Framing;
  readonly #chunked = new ChunkedDecoder();
  #received = 0;
  #over = false;

  constructor(socket: Socket, framing: Framing, rest: Buffer) {
    super();
    this.#socket = socket;
    this.#framing = framing;
    socket.once('end', () => this.#end());
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.#end());
    this.#take(rest);
    if (this.#over) return;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.pause();
  }

  override _read(): void {
    if (!this.#over) this.#socket.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#over = true;
    this.#socket.destroy();
    if (this.#socket.closed) callback(error);
    else this.#socket.once('close', () => callback(error));
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    try {
      let wantsMore = true;
      for (const payload of this.#payload(chunk)) wantsMore = this.push(payload);
      if (!wantsMore) this.#socket.pause();
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#isWhole) this.#finish();
  }

  #payload(chunk: Buffer): Buffer[] {
    if (this.#framing.kind === 'chunked') return this.#chunked.push(chunk);
    const room = this.#framing.kind === 'length' ? this.#framing.bytes - this.#received : chunk.length;
    const part = this.#framing.kind === 'none' ? chunk.subarray(0, 0) : chunk.subarray(0, room);
    this.#received += part.length;
    return part.length === 0 ? [] : [part];
  }

  get #isWhole(): boolean {
    if (this.#framing.kind === 'chunked') return this.#chunked.done;
    return this.#framing.kind === 'none' || (this.#framing.kind === 'length' && this.#received >= this.#framing.bytes);
  }

  /** The other side has closed. */
  #end(): void {
    if (this.#over) return;
    if (this.#framing.kind === 'close' || this.#isWhole) this.#finish();
    else this.destroy(Object.assign(new Error('closed in the middle of a body'), { code: 'ECONNRESET' }));
  }

  #finish(): void {
    this.#over = true;
    this.push(null);
    this.#socket.destroy();
  }
}
