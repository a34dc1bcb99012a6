/** Stands between a worker and a bucket, and holds a segment in the middle of its PUT: half of it has arrived, and the rest has not. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What is held of one connection. */
interface Held {
  readonly from: Socket;
  readonly to: Socket;
  readonly rest: Buffer;
}

/** The head of a PUT of a segment, and its path. The SDK writes heads at the beginning of a piece. */
const SEGMENT_PUT = /^PUT (\S+\/live\d{6}\.ts)\S* HTTP\/1\.1\r\n.*?\r\n\r\n/s;

export class PutGate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #wanted: ((path: string) => void) | undefined;
  #held: Held | undefined;

  private constructor(target: URL) {
    this.#server = createServer((from) => this.#pass(from, connect(Number(target.port), target.hostname)));
  }

  /** @param origin of the bucket's server */
  static async start(origin: string): Promise<PutGate> {
    const gate = new PutGate(new URL(origin));
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits for the next segment that is half through. Its connection then stands still. @returns the path of its object */
  half(): Promise<string> {
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  /** The rest goes through. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.to.write(held.rest);
    held?.from.resume();
  }

  /** The rest never arrives: its worker has ended. */
  drop(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.from.destroy();
    held?.to.destroy();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(from: Socket, to: Socket): void {
    /** The segment whose head has passed, and none of its media. */
    let path: string | undefined;
    from.on('data', (bytes: Buffer) => {
      const [head = '', put] = SEGMENT_PUT.exec(bytes.toString('latin1')) ?? [];
      path = put ?? path;
      const media = bytes.length - head.length;
      if (path === undefined || media === 0 || this.#wanted === undefined) {
        // What follows a head and is not it is media.
        if (media > 0) path = undefined;
        to.write(bytes);
        return;
      }
      const half = head.length + Math.floor(media / 2);
      from.pause();
      to.write(bytes.subarray(0, half));
      this.#held = { from, to, rest: bytes.subarray(half) };
      this.#wanted(path);
      this.#wanted = undefined;
      path = undefined;
    });
    to.on('data', (bytes) => from.write(bytes));
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('end', () => other.end());
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
