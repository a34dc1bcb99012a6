/** What the page Settings shows of the worker that answers: what it is, how it is set, and what is not right. Never a secret. */

import { z } from 'zod';
import type { WorkerAnswer } from '../../../../shared/console/worker.ts';
import { VERSION } from '../../../../shared/version.ts';
import { ignoredSettings } from '../../config/config.ts';
import { shownSettings } from '../../config/shown-settings.ts';
import { isOnEcs } from '../../ecs/task-metadata.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';
import { workersNow } from '../views/snapshot.ts';
import { workerWarnings } from './worker-warnings.ts';

const answer = z.object({
  worker_id: z.string(),
  version: z.string(),
  uptime_seconds: z.int(),
  ffmpeg: z.object({ version: z.string(), path: z.string() }),
  hardware: z.object({
    asked: z.string().describe('Value of HW_ACCEL_TYPE.'),
    type: z.string(),
    device: z.string().nullable(),
    hevc: z.boolean().describe('Whether it encodes HEVC, too.'),
    reason: z.string().nullable().describe('Why the CPU encodes although hardware was asked for.'),
  }),
  warnings: z.array(z.object({ kind: z.string(), text: z.string() })).readonly(),
  settings: z
    .array(
      z.object({
        name: z.string(),
        group: z.string(),
        value: z.string().nullable().describe('`set` for a secret; null where there is none.'),
        default: z.string(),
        source: z.enum(['environment', 'default']),
        meaning: z.string(),
      }),
    )
    .readonly(),
});

export function workerRoute(app: Api, services: Services): void {
  const { config, environment, hardware, ffmpeg, sandbox, startedAtMs } = services;
  app.get(
    '/console/worker',
    {
      schema: {
        tags: ['Status'],
        summary: 'What the console shows of the worker that answers: version, FFmpeg, settings and warnings.',
        response: { 200: answer },
      },
    },
    async (): Promise<WorkerAnswer> => ({
      worker_id: config.workerId,
      version: VERSION,
      uptime_seconds: Math.floor((Date.now() - startedAtMs) / 1_000),
      ffmpeg: { version: ffmpeg.version, path: ffmpeg.path },
      hardware: {
        asked: config.hwAccelType,
        type: hardware.type,
        device: hardware.device === '' ? null : hardware.device,
        hevc: hardware.hevc,
        reason: hardware.reason ?? null,
      },
      warnings: workerWarnings({
        config,
        eviction: services.evictionWarning(),
        isOnEcs: isOnEcs(),
        workers: await workersNow(services),
        hardware: hardware.reason,
        sandbox: sandbox.missing,
        ignored: ignoredSettings(environment),
      }),
      settings: shownSettings(config, environment),
    }),
  );
}
