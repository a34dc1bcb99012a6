/** A TCP proxy whose open connections can fall silent: no byte, no FIN, no RST, like after a NAT has forgotten them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SilentProxy {
  readonly port: number;
  /** Connections made so far. */
  readonly connections: number;
  /** Connections open now never carry a byte again; new ones do. */
  silence(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(target: { host: string; port: number }): Promise<SilentProxy> {
  const open = new Set<() => void>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect(target.port, target.host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      // The other side gets it through `close`.
      from.on('error', () => undefined);
      from.once('close', () => {
        sockets.delete(from);
        if (open.has(cut)) to.destroy();
      });
    }
    const cut = (): void => {
      open.delete(cut);
      near.unpipe(far);
      far.unpipe(near);
      near.pause();
      far.pause();
    };
    open.add(cut);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    silence: () => {
      for (const cut of [...open]) cut();
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
