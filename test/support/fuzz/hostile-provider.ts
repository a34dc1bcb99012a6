/** A provider whose channels all overload a reader. A seed decides what channel n sends, without end. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../seed.ts';
import { HOSTILE } from './hostile-ts.ts';

const KINDS = Object.entries(HOSTILE);
/** More than any channel has, but little enough to leave a shared machine some CPU. */
const BYTES_PER_MS = 3_000;

export interface HostileProvider {
  /** The channel with that number; `kind` says what it does. */
  channel(number: number): { url: string; kind: string };
  close(): Promise<void>;
}

/** @param real a transport stream from an encoder */
export async function startHostileProvider(seed: number, real: Buffer): Promise<HostileProvider> {
  const kindOf = (number: number) => KINDS[(seed + number) % KINDS.length] as (typeof KINDS)[number];
  const server = createServer(async (request, response) => {
    const number = Number(/\d+/.exec(request.url ?? '')?.[0]);
    const next = kindOf(number)[1](seeded(seed + number), real);
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const startMs = performance.now();
    for (let sent = 0; !gone.signal.aborted; ) {
      const chunk = next();
      sent += chunk.length;
      if (!response.write(chunk)) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
      const aheadMs = sent / BYTES_PER_MS - (performance.now() - startMs);
      await sleep(Math.max(1, aheadMs));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    channel: (number) => ({ url: `${origin}/${number}.ts`, kind: kindOf(number)[0] }),
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
