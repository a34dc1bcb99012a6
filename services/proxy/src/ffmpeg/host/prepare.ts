/**
 * Finds out once, at the start, what FFmpeg can use on this machine: a sandbox, and a hardware encoder that works in
 * it.
 */
import { deviceAccess, type HardwareAcceleration, type HardwareSettings, probeHardware } from './hardware.ts';
import { helperPath, Sandbox } from './sandbox.ts';

export interface PreparedFfmpeg {
  readonly sandbox: Sandbox;
  readonly hardware: HardwareAcceleration;
}

/**
 * When the requested encoder works only outside the sandbox, layers of the sandbox are dropped until it works, and the
 * report says so. An encoder that does not work in any case costs no layer.
 */
export async function prepareFfmpeg(
  ffmpegPath: string,
  settings: HardwareSettings,
  helper: string = helperPath(),
): Promise<PreparedFfmpeg> {
  const access = deviceAccess(settings);
  const strictest = await Sandbox.open(ffmpegPath, helper, access);
  const hardware = await probeHardware(strictest, settings);
  if (hardware.reason === undefined || !strictest.isUp) return { sandbox: strictest, hardware };
  const bare = Sandbox.none(ffmpegPath, 'The hardware encoder does not work in a sandbox.');
  const outside = await probeHardware(bare, settings);
  if (outside.reason !== undefined) return { sandbox: strictest, hardware: outside };
  const encodes = async (sandbox: Sandbox) => (await probeHardware(sandbox, settings)).reason === undefined;
  return { sandbox: await Sandbox.open(ffmpegPath, helper, access, encodes), hardware: outside };
}
