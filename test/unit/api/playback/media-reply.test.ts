// Media of HLS over a real connection: a viewer that stops reading loses it, and one that reads slowly gets every byte.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { describe, expect, it, type TestContext } from 'vitest';
import { sendSegment } from '../../../../services/proxy/src/api/playback/hls-reply.ts';
import { type MediaViewer, piecesOf, sendMedia } from '../../../../services/proxy/src/api/playback/media-reply.ts';
import { until } from '../../../support/until.ts';

const BYTES = Buffer.from(Array.from({ length: 251 }, (_, at) => at));
/** More than the kernel takes for a viewer that does not read. */
const MEDIA = Buffer.alloc(24 * 2 ** 20, BYTES);
/** The same, and little enough to be written at once. */
const SHORT = MEDIA.subarray(0, 8 * 2 ** 20);
const STALL_MS = 1_500;

type Answer = (viewer: MediaViewer, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

function madeHere(media: Buffer): Answer {
  return (viewer, request, reply) => sendSegment(media, 'ts', 0, viewer, request, reply);
}

/** @param isWhole every byte is there when it is asked for */
function passedOn(media: Buffer, isWhole: boolean): Answer {
  return async (viewer, request, reply) => {
    reply.code(200).header('Content-Length', media.length);
    const { read, whole } = piecesOf(media);
    await sendMedia(isWhole ? { read, whole } : { read }, viewer, request, reply);
    return reply;
  };
}

/** A player that has asked for media and reads nothing yet. */
async function player({ onTestFinished }: TestContext, answer: Answer, pausesMs = 0) {
  const app = fastify();
  let counted = 0;
  let isOver = false;
  const session = {
    count: (bytes: number) => {
      counted += bytes;
    },
    pausesMs,
  };
  app.get('/', async (request, reply) => {
    await answer({ session, stallTimeoutMs: STALL_MS }, request, reply);
    isOver = true;
    return reply;
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  const socket = connect(port, '127.0.0.1');
  onTestFinished(async () => {
    socket.destroy();
    await app.close();
  });
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  return { socket, counted: () => counted, isOver: () => isOver };
}

/** Reads what comes until the connection is over, and pauses behind each piece. */
async function bytesOf(socket: Socket, pauseMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  try {
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  } catch {
    // Cut off.
  }
  return Buffer.concat(chunks);
}

describe.concurrent('a viewer', () => {
  describe.for<[string, Buffer, Answer]>([
    ['that is made here', SHORT, madeHere(SHORT)],
    ['that is made here and long', MEDIA, madeHere(MEDIA)],
    ['that is passed on', SHORT, passedOn(SHORT, true)],
    ['that is passed on while it comes', MEDIA, passedOn(MEDIA, false)],
  ])('a segment %s', ([_which, media, answer]) => {
    it('is taken from a viewer that stops reading', async (context) => {
      const { socket, isOver, counted } = await player(context, answer);
      await until(isOver, { what: 'the viewer to be dropped' });
      // What is written at once counts at once.
      if (media === MEDIA) expect(counted()).toBeLessThan(media.length);
      expect((await bytesOf(socket, 0)).length).toBeLessThan(media.length);
    });

    it('is whole for a viewer that reads it for longer than that', async (context) => {
      const { socket, isOver, counted } = await player(context, answer);
      const startMs = performance.now();
      // 64 KB at a time.
      const got = await bytesOf(socket, media === MEDIA ? 5 : 20);
      expect(performance.now() - startMs).toBeGreaterThan(STALL_MS);
      expect(got.subarray(got.indexOf('\r\n\r\n') + 4).equals(media)).toBe(true);
      await until(isOver, { what: 'the response to be over' });
      expect(counted()).toBe(media.length);
    });
  });

  it('has longer for a film, whose player may pause', async (context) => {
    const { socket, isOver } = await player(context, madeHere(MEDIA), 120_000);
    await sleep(2 * STALL_MS);
    expect(isOver()).toBe(false);
    const got = await bytesOf(socket, 0);
    expect(got.subarray(got.indexOf('\r\n\r\n') + 4).equals(MEDIA)).toBe(true);
  });
});
