/** The child process that does the least a server can do: the same bytes to as many sockets, without looking at anything. */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerCalls } from './remote.ts';

/** `socket`: bare sockets. `http`: Node's own HTTP server, chunked. `static`: one answer that is all there is. */
export type FloorKind = 'socket' | 'http' | 'static';

export interface FloorOrder {
  kind: FloorKind;
  file: string;
  bytesPerSecond: number;
  /** Time between two writes to the same client. */
  intervalMs: number;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n';

async function start(order: FloorOrder): Promise<string> {
  const media = await readFile(order.file);
  const sinks = new Set<Socket | ServerResponse>();
  const add = (sink: Socket | ServerResponse): void => {
    sinks.add(sink);
    sink.on('error', () => undefined);
    sink.once('close', () => sinks.delete(sink));
  };
  const server =
    order.kind === 'socket'
      ? createServer((socket) => {
          socket.once('data', () => {
            socket.write(HEAD);
            add(socket);
          });
        })
      : createHttpServer((_request, response) => {
          response.writeHead(200, { 'content-type': 'video/mp2t' });
          if (order.kind === 'static') response.end(media);
          else add(response);
        });
  if (order.kind !== 'static') play(media, order, sinks);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function play(
  media: Buffer,
  { bytesPerSecond, intervalMs }: FloorOrder,
  sinks: ReadonlySet<Socket | ServerResponse>,
): void {
  const startMs = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = Math.floor((((performance.now() - startMs) / 1000) * bytesPerSecond) / 188) * 188;
    while (sent < due) {
      const at = sent % media.length;
      const piece = media.subarray(at, Math.min(media.length, at + due - sent));
      for (const sink of sinks) sink.write(piece);
      sent += piece.length;
    }
  }, intervalMs);
}

answerCalls({ start });
