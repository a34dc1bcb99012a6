/** The FFmpeg of this worker: which program it is, how it is restricted, and what its hardware can do. */

import type { Logger } from '../../../shared/log.ts';
import type { Config } from '../config/config.ts';
import { type OptionReading, readOwnOptions } from '../ffmpeg/arguments/own-reading.ts';
import type { HardwareAcceleration } from '../ffmpeg/host/hardware.ts';
import { type LocatedFfmpeg, locateFfmpeg } from '../ffmpeg/host/locate.ts';
import { prepareFfmpeg } from '../ffmpeg/host/prepare.ts';
import type { Sandbox } from '../ffmpeg/host/sandbox.ts';

export interface OwnFfmpeg {
  readonly ffmpeg: LocatedFfmpeg;
  readonly reading: OptionReading;
  readonly sandbox: Sandbox;
  readonly hardware: HardwareAcceleration;
}

/**
 * Says in the log what this machine lacks.
 *
 * @throws {StreampoolError} when there is no usable FFmpeg, with the command that installs one
 */
export async function ownFfmpeg(config: Config, log: Logger): Promise<OwnFfmpeg> {
  const ffmpeg = await locateFfmpeg(config.ffmpegPath);
  const [reading, { sandbox, hardware }] = await Promise.all([
    readOwnOptions(ffmpeg.path, ffmpeg.version),
    prepareFfmpeg(ffmpeg.path, {
      available: config.hwAccelType !== 'cpu',
      type: config.hwAccelType,
      device: config.hwAccelDevice,
    }),
  ]);
  for (const layer of sandbox.report.missing) log.warn(layer);
  if (hardware.reason !== undefined) {
    log.warn(
      { type: config.hwAccelType, reason: hardware.reason },
      'hardware encoding does not work; encoding on the CPU instead',
    );
  }
  return { ffmpeg, reading, sandbox, hardware };
}
