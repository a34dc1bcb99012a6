/** Hardware video encoders: which one the settings ask for, and whether it really encodes on this machine. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DeviceState, deviceFailure, encoderFailure } from './hardware-failure.ts';
import { type DeviceAccess, ffmpegEnvironment, NO_DEVICES, type Sandbox } from './sandbox.ts';

const run = promisify(execFile);

const RENDER_NODES = '/dev/dri';
const FIRST_RENDER_NODE = '/dev/dri/renderD128';
const SYSFS = '/sys';
const TRY_TIMEOUT_MS = 15_000;

export type HardwareType = 'cpu' | 'nvenc' | 'vaapi' | 'qsv';

export interface HardwareSettings {
  /** HW_ACCEL_AVAILABLE; when absent, `type` alone decides. */
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
  /** Why `type` is `cpu` although the settings asked for hardware. */
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

/** What the encoder needs from the machine: device files, and what its driver reads about them. */
export function deviceAccess(settings: HardwareSettings): DeviceAccess {
  const type = typeOf(settings);
  if (type === 'cpu') return NO_DEVICES;
  if (type !== 'nvenc') return { devices: [RENDER_NODES, deviceOf(settings)], readable: [SYSFS, '/etc/drirc'] };
  const cards = namesIn('/dev').filter((name) => name.startsWith('nvidia'));
  // CUDA looks here for its driver, its memory map and the machine's memory.
  const facts = ['driver/nvidia', 'devices', 'modules', 'cpuinfo', 'meminfo', 'sys/vm', 'self/maps', 'self/status'];
  return {
    devices: cards.map((name) => join('/dev', name)),
    readable: [SYSFS, ...facts.map((name) => join('/proc', name))],
  };
}

/**
 * Encodes a few frames like the built-in profiles. Falls back to the CPU, with the reason, when that fails. Never
 * throws.
 */
export async function probeHardware(sandbox: Sandbox, settings: HardwareSettings): Promise<HardwareAcceleration> {
  const type = typeOf(settings);
  if (type === 'cpu') return NO_HARDWARE;
  const device = deviceOf(settings);
  const failure =
    (type === 'nvenc' ? undefined : deviceFailure(stateOf(device))) ??
    (await tryEncoder(sandbox, type, device, 'h264'));
  if (failure !== undefined) return { ...NO_HARDWARE, reason: failure };
  return { type, device, hevc: (await tryEncoder(sandbox, type, device, 'hevc')) === undefined };
}

function typeOf({ available, type }: HardwareSettings): HardwareType {
  return available === false ? 'cpu' : (TYPES[type.trim().toLowerCase()] ?? 'cpu');
}

function deviceOf(settings: HardwareSettings): string {
  return settings.device || (typeOf(settings) === 'nvenc' ? '' : FIRST_RENDER_NODE);
}

function stateOf(path: string): DeviceState {
  const stats = statSync(path, { throwIfNoEntry: false });
  const others = namesIn(RENDER_NODES).filter((name) => name.startsWith('renderD'));
  return {
    path,
    exists: stats !== undefined,
    permitted: isPermitted(path),
    group: stats?.gid,
    others: others.map((name) => join(RENDER_NODES, name)),
  };
}

function isPermitted(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Why it failed; undefined when the encode worked. */
async function tryEncoder(
  sandbox: Sandbox,
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
  // 256x256 is larger than every encoder's smallest picture.
  const source = ['-f', 'lavfi', '-i', 'color=black:s=256x256:r=25:d=0.4'];
  const args = ['-v', 'error', '-nostdin', ...upload[type].slice(0, 4), ...source, ...upload[type].slice(4)];
  try {
    const line = sandbox.commandLine([...args, '-c:v', `${codec}_${type}`, '-f', 'null', '-']);
    await run(line.program, [...line.args], { timeout: TRY_TIMEOUT_MS, cwd: line.cwd, env: ffmpegEnvironment() });
    return undefined;
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return encoderFailure(type, text);
  }
}

function deviceOption(hardware: HardwareAcceleration): string[] {
  return hardware.device === '' ? [] : ['-hwaccel_device', hardware.device];
}
