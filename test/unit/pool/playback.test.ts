/** A viewer is served, or not counted at all. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../../services/proxy/src/log.ts';
import { Playback } from '../../../services/proxy/src/pool/playback.ts';
import type { Pool, Viewer } from '../../../services/proxy/src/pool/pool.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { SPEC } from '../../support/stream-spec.ts';

it('does not count a viewer that left while its stream was looked for', async () => {
  let joins = 0;
  const pool = { join: async () => joins++ } as unknown as Pool;
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const playback = new Playback({ pool, registry, clientStallTimeoutMs: 0, maxClients: 0, log: createLogger('fatal') });
  onTestFinished(() => playback.close());
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.destroy();
  await playback.serve(newStream(SPEC, 0), {} as Viewer, 'c', response, {});
  expect([joins, playback.clientCount]).toEqual([0, 0]);
});
