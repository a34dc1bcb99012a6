/** A viewer is served, or not counted at all; and what becomes of one who has opened another connection. */
import { createServer, get, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { deferred } from '../../../services/proxy/src/async.ts';
import { StallLimit } from '../../../services/proxy/src/upstream/messages/stall-limit.ts';
import { Playback } from '../../../services/proxy/src/viewers/playback.ts';
import type { Seat, Seating, SeatRequest, Viewer } from '../../../services/proxy/src/viewers/seating.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';

it('does not count a viewer that left while its stream was looked for', async () => {
  let joins = 0;
  const seating = { join: async () => joins++ } as unknown as Seating;
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const limits = { clientStallTimeoutMs: 0, clientTimeoutMs: 1_000, maxClients: 0 };
  const playback = new Playback({ seating, registry, workerId: 'w', ...limits, log: createLogger('fatal') });
  onTestFinished(() => playback.close());
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.destroy();
  await playback.serve(newStream(SPEC, 0), {} as Viewer, 'c', response, {});
  expect([joins, playback.clientCount]).toEqual([0, 0]);
});

it('knows a viewer by the id that the registry has given it anew', async () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const limits = { clientStallTimeoutMs: 0, clientTimeoutMs: 300, maxClients: 0 };
  const seating = {} as Seating;
  const playback = new Playback({ seating, registry, workerId: 'w', ...limits, log: createLogger('fatal') });
  onTestFinished(() => playback.close());
  let closed = 0;
  const session = (connectedAtMs: number) => ({
    client: {
      ...{ id: 'tv', streamId: SPEC.id, slot: 0, workerId: 'w', userAgent: '', ipAddress: '', username: undefined },
      ...{ connectedAtMs, lastAccessMs: 0, bytesServed: 0, segmentsServed: 0 },
    },
    wantedId: 'tv',
    stall: new StallLimit(0),
    bytesServed: () => 0,
    close: () => void closed++,
  });
  const untrack = [playback.track(session(1)), playback.track(session(2))];
  playback.rename({ streamId: SPEC.id, clientId: 'tv', connectedAtMs: 2, newId: 'tv_2' });
  expect([playback.disconnect('tv_2'), closed]).toEqual([true, 1]);
  expect([playback.disconnect('tv'), closed]).toEqual([true, 2]);
  for (const end of untrack) end();
});

it('ends a film that nobody takes once its player has begun it anew, and no other', async () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  await registry.createStream(SPEC, 0);
  let connectedAtMs = 0;
  const outputs: Readable[] = [];
  const join = async ({ clientId, viewer, stream }: SeatRequest): Promise<Seat> => {
    const answer = await registry.join({ client: viewer, clientId, cap: 1, localSlots: [], alone: true });
    if (answer.kind !== 'joined') throw new Error(answer.kind);
    const { client, earlier } = answer;
    const output = new Readable({ read: () => void output.push(Buffer.alloc(65_536)) });
    outputs.push(output);
    const left = { streamId: stream.id, clientId: client.id, connectedAtMs: client.connectedAtMs };
    const leave = async (bytesServed: number) => {
      await registry.leave({ ...left, bytesServed, segmentsServed: 0, lastAccessMs: 0 });
    };
    const process = { output, kill: () => undefined } as unknown as (Seat & { kind: 'finite' })['process'];
    return { kind: 'finite', client, earlier, stream, process, leave };
  };
  const limits = { clientStallTimeoutMs: 0, clientTimeoutMs: 300, maxClients: 0 };
  const lines: { msg: string; client: string; bytes?: number }[] = [];
  const log = createLogger('info', {}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const playback = new Playback({ seating: { join } as unknown as Seating, registry, workerId: 'w', ...limits, log });
  const server = createServer((request, response) => {
    const nowMs = ++connectedAtMs;
    const viewer: Viewer = {
      ...{ streamId: SPEC.id, workerId: 'w', userAgent: '', ipAddress: '', username: undefined },
      ...{ connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
    };
    void playback.serve(newStream(SPEC, 0), viewer, (request.url ?? '').slice(1), response, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await playback.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  /** Opens a response and reads nothing of it. */
  const open = async (id: string) => {
    const before = outputs.length;
    get(`http://127.0.0.1:${port}/${id}`, { agent: false }, (response) => {
      response.pause();
      response.on('error', () => undefined);
    }).on('error', () => undefined);
    await until(() => outputs.length > before, { what: 'the response to begin' });
  };
  const ids = async () => (await registry.clients(SPEC.id)).map(({ id }) => id).sort();

  await open('tv');
  await open('other');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(await ids()).toEqual(['other', 'tv']);
  await open('tv');
  await until(async () => (await ids()).length === 2, { what: 'the first connection to end' });
  expect(await ids()).toEqual(['other', expect.stringMatching(/^tv_[0-9a-f]{8}$/)]);
  expect(outputs.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
  expect(playback.losses.stalls).toBe(1);
  const said = (msg: string) => lines.filter((line) => line.msg === msg);
  expect(said('viewer joined').map(({ client }) => client)).toEqual(['tv', 'other', expect.stringMatching(/^tv_/)]);
  expect(said('viewer left')).toMatchObject([{ client: 'tv', bytes: expect.any(Number) }]);
});

it('counts a viewer out as soon as it is counted in when it left meanwhile, and sends it nothing', async () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const seated = deferred<Seat>();
  const seating = { join: () => seated.promise } as unknown as Seating;
  const limits = { clientStallTimeoutMs: 0, clientTimeoutMs: 1_000, maxClients: 1 };
  const playback = new Playback({ seating, registry, workerId: 'w', ...limits, log: createLogger('fatal') });
  onTestFinished(() => playback.close());
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const serving = playback.serve(newStream(SPEC, 0), {} as Viewer, 'c', response, {});
  expect(playback.clientCount).toBe(1);
  response.destroy();
  response.emit('close');
  await expect(serving).rejects.toMatchObject({ reason: 'stopped' });
  const left: number[] = [];
  seated.resolve({ leave: async (bytes: number) => void left.push(bytes) } as Seat);
  await until(() => left.length === 1, { what: 'the seat to be left' });
  expect([left, playback.clientCount, response.headersSent]).toEqual([[0], 0, false]);
});
