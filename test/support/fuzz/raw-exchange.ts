/** One request as bytes on its own socket, and the answer: for requests that no HTTP client would send. */

import { connect } from 'node:net';

export interface RawAnswer {
  /** Undefined when the connection closed without an answer. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Everything received, head and body. */
  readonly text: string;
  readonly body: string;
  /** `cut`: this side ended an endless body; `silent`: nothing arrived in time. */
  readonly end: 'complete' | 'closed' | 'cut' | 'silent';
}

export interface ExchangeOptions {
  /** The request announces more than it sends; this side then closes its half. */
  readonly halfClose: boolean;
  /** Limit until the head has arrived. */
  readonly timeoutMs: number;
  /** How long to read the body after the head, before this side cuts it. */
  readonly bodyMs: number;
  readonly isHead: boolean;
}

const HALF_CLOSE_MS = 30;

export function exchange(port: number, bytes: Buffer, options: ExchangeOptions): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    let timer = setTimeout(() => finish('silent'), options.timeoutMs);
    const finish = (end: RawAnswer['end']) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(read(Buffer.concat(parts), end));
    };
    socket.on('connect', () => {
      socket.write(bytes);
      if (options.halfClose) setTimeout(() => socket.end(), HALF_CLOSE_MS);
    });
    let headSeen = false;
    socket.on('data', (part) => {
      parts.push(part);
      const whole = Buffer.concat(parts);
      // `100 Continue` is not the answer.
      if (!headSeen && read(whole, 'closed').status !== undefined) {
        headSeen = true;
        clearTimeout(timer);
        timer = setTimeout(() => finish('cut'), options.bodyMs);
      }
      if (isComplete(whole, options.isHead)) finish('complete');
    });
    socket.on('close', () => finish('closed'));
    // Only what came before the error matters.
    socket.on('error', () => undefined);
  });
}

function isComplete(whole: Buffer, isHead: boolean): boolean {
  const { status, headers, body } = read(whole, 'closed');
  if (status === undefined || status < 200) return false;
  if (isHead || status === 204 || status === 304) return true;
  const length = headers['content-length'];
  if (length !== undefined) return Buffer.byteLength(body, 'latin1') >= Number(length);
  return headers['transfer-encoding'] === 'chunked' && body.endsWith('0\r\n\r\n');
}

function read(whole: Buffer, end: RawAnswer['end']): RawAnswer {
  let text = whole.toString('latin1');
  while (/^HTTP\/1\.1 1\d\d/.test(text) && text.includes('\r\n\r\n')) text = text.slice(text.indexOf('\r\n\r\n') + 4);
  const at = text.indexOf('\r\n\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  if (at < 0 || status === undefined) return { status: undefined, headers: {}, text, body: '', end };
  const headers = Object.fromEntries(
    text
      .slice(0, at)
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(status), headers, text, body: text.slice(at + 4), end };
}

/** The body of an answer, with chunked framing removed. */
export function bodyOf({ headers, body }: RawAnswer): string {
  if (headers['transfer-encoding'] !== 'chunked') {
    // The rest answers another request on the same connection.
    return Buffer.from(body.slice(0, Number(headers['content-length'] ?? body.length)), 'latin1').toString();
  }
  let plain = '';
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, line), 16);
    if (!(size > 0)) break;
    plain += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return Buffer.from(plain, 'latin1').toString();
}
