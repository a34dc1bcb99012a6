/** Answers what is not HTTP: only the socket exists then, so the response is written as bytes. */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

const KNOWN: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive completely in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The URL and headers of the request are too long.'],
};

export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  // The peer is gone.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, detail] = KNOWN[error.code ?? ''] ?? [400, 'The request is not valid HTTP/1.1.'];
  const body = JSON.stringify({ detail });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy();
}
