/** Hardware video encoders: which one the settings ask for, and whether it really encodes on this machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type HardwareType = 'cpu' | 'nvenc' | 'vaapi' | 'qsv';

export interface HardwareSettings {
  /** HW_ACCEL_AVAILABLE; absent means that `type` alone decides. */
  available?: boolean;
  /** HW_ACCEL_TYPE: cpu, nvidia, intel, amd, vaapi or qsv. */
  type: string;
  /** HW_ACCEL_DEVICE: a render node such as /dev/dri/renderD128, or a CUDA device number; empty for the first one. */
  device: string;
}

export interface HardwareAcceleration {
  type: HardwareType;
  device: string;
  /** HEVC encoding works too. */
  hevc: boolean;
  /** Why `type` is `cpu` although hardware was asked for. */
  reason?: string;
}

export const NO_HARDWARE: HardwareAcceleration = { type: 'cpu', device: '', hevc: true };

const TYPES: Readonly<Record<string, HardwareType>> = {
  nvidia: 'nvenc',
  nvenc: 'nvenc',
  cuda: 'nvenc',
  intel: 'vaapi',
  amd: 'vaapi',
  vaapi: 'vaapi',
  qsv: 'qsv',
};

/** Options before `-i` that decode on the device and leave the frames there. */
export function hardwareInputOptions(hardware: HardwareAcceleration): string[] {
  switch (hardware.type) {
    case 'nvenc':
      return ['-hwaccel', 'cuda', '-hwaccel_output_format', 'cuda', ...deviceOption(hardware)];
    case 'vaapi':
      return ['-hwaccel', 'vaapi', '-hwaccel_output_format', 'vaapi', ...deviceOption(hardware)];
    case 'qsv':
      return ['-hwaccel', 'qsv', '-hwaccel_output_format', 'qsv', ...deviceOption(hardware)];
    case 'cpu':
      return [];
  }
}

/**
 * Encodes a few frames the way the built-in profiles would; falls back to the CPU, with the reason, when that fails.
 * Never throws.
 */
export async function probeHardware(ffmpegPath: string, settings: HardwareSettings): Promise<HardwareAcceleration> {
  const type = TYPES[settings.type.trim().toLowerCase()];
  if (settings.available === false || type === undefined || type === 'cpu') return NO_HARDWARE;
  const device = settings.device || (type === 'nvenc' ? '' : '/dev/dri/renderD128');
  const failure = await tryEncoder(ffmpegPath, type, device, 'h264');
  if (failure !== undefined) return { ...NO_HARDWARE, reason: failure };
  return { type, device, hevc: (await tryEncoder(ffmpegPath, type, device, 'hevc')) === undefined };
}

/** The error's last line; undefined when the encode worked. */
async function tryEncoder(
  ffmpegPath: string,
  type: Exclude<HardwareType, 'cpu'>,
  device: string,
  codec: 'h264' | 'hevc',
): Promise<string | undefined> {
  const upload: Readonly<Record<typeof type, string[]>> = {
    nvenc: [
      '-init_hw_device',
      `cuda=gpu${device && `:${device}`}`,
      '-filter_hw_device',
      'gpu',
      '-vf',
      'format=nv12,hwupload_cuda',
    ],
    vaapi: ['-init_hw_device', `vaapi=gpu:${device}`, '-filter_hw_device', 'gpu', '-vf', 'format=nv12,hwupload'],
    qsv: [
      ...['-init_hw_device', `qsv=gpu:hw_any,child_device=${device}`, '-filter_hw_device', 'gpu'],
      ...['-vf', 'format=nv12,hwupload=extra_hw_frames=16'],
    ],
  };
  // 256x256 is above every encoder's smallest picture.
  const source = ['-f', 'lavfi', '-i', 'color=black:s=256x256:r=25:d=0.4'];
  const args = ['-v', 'error', '-nostdin', ...upload[type].slice(0, 4), ...source, ...upload[type].slice(4)];
  try {
    await run(ffmpegPath, [...args, '-c:v', `${codec}_${type}`, '-f', 'null', '-'], { timeout: 15_000 });
    return undefined;
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return text.trim().split('\n').at(-1) ?? 'the encoder failed';
  }
}

function deviceOption(hardware: HardwareAcceleration): string[] {
  return hardware.device === '' ? [] : ['-hwaccel_device', hardware.device];
}
