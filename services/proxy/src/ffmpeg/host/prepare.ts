/** What FFmpeg can have on this machine, found out once at the start: a sandbox, and a hardware encoder that works in it. */
import { deviceAccess, type HardwareAcceleration, type HardwareSettings, probeHardware } from './hardware.ts';
import { helperPath, Sandbox } from './sandbox.ts';

export interface PreparedFfmpeg {
  readonly sandbox: Sandbox;
  readonly hardware: HardwareAcceleration;
}

/**
 * The sandbox gives way to an encoder that was asked for and works without it, layer by layer, and says so; not to one that
 * does not work anyhow.
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
