/**
 * Explains why a hardware encoder does not work on this machine and what to do, from the device and FFmpeg's output.
 * Pure.
 */

/** What is known about the device file before FFmpeg runs. */
export interface DeviceState {
  path: string;
  exists: boolean;
  /** The worker may read and write it. */
  permitted: boolean;
  /** The number of its group. */
  group: number | undefined;
  /** Device files of the same kind that this machine has. */
  others: readonly string[];
}

type Encoder = 'nvenc' | 'vaapi' | 'qsv';

const NVIDIA_CONTAINER =
  'In a container it comes from the NVIDIA Container Toolkit: --gpus all, and NVIDIA_DRIVER_CAPABILITIES=compute,video,utility.';
const INTEL_OR_AMD =
  'Install intel-media-va-driver or i965-va-driver (Intel) or mesa-va-drivers (AMD); LIBVA_DRIVER_NAME chooses one.';

/** The first that matches FFmpeg's output is the cause. Later ones only follow from it. */
const CAUSES: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [
    /unknown device type|Unrecognized hwaccel|Unknown encoder|Encoder not found/i,
    'No runtime library: this FFmpeg was built without it. Set FFMPEG_PATH to an FFmpeg that has it.',
  ],
  [
    /Cannot load (lib\S+)|Could not dynamically load CUDA|(lib\S+\.so\S*): cannot open shared object/i,
    `No runtime library: $1 is missing, which comes with NVIDIA's driver. ${NVIDIA_CONTAINER}`,
  ],
  [
    /CUDA_ERROR_NO_DEVICE|no CUDA-capable device|No NVENC capable devices|CUDA_ERROR_INVALID_DEVICE/i,
    `No device: there is no NVIDIA card that can encode. ${NVIDIA_CONTAINER}`,
  ],
  [
    /does not support the required nvenc API version|minimum required Nvidia driver|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH|insufficient driver/i,
    "No driver: NVIDIA's driver is older than this FFmpeg needs. Update it on the host.",
  ],
  [
    /OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)/i,
    'The card has no encoding session left: other programs use them all.',
  ],
  [
    /No usable encoding (?:entrypoint|profile)|Codec not supported|doesn't support required NVENC features|No capable devices found|profile is unsupported|codec is not supported|not supported by the QSV runtime|Encoding profile not found/i,
    'Codec not supported: the device does not encode this codec.',
  ],
  [
    /MFX session|MFXVideoCORE|libmfx|implementation.*not found/i,
    'No runtime library: install libmfx-gen1.2 (Intel since 11th generation) or libmfx1 (older), or use HW_ACCEL_TYPE=vaapi.',
  ],
  [
    /No VA display found|Failed to initiali[sz]e VAAPI connection|vaInitialize failed|va_openDriver|vaDriverInit|Cannot open a VA display/i,
    `No driver: no VA driver works for the device. ${INTEL_OR_AMD}`,
  ],
  // libdrm asks the device file for its driver, and there is none.
  [
    /Device creation failed: -542398533/,
    'No driver: the device is not a graphics card, or the kernel has no driver for it.',
  ],
  [/Permission denied|CUDA_ERROR_NOT_PERMITTED/i, 'Not permitted: the worker may not use the device.'],
];

/** The failure that the state of the device file shows; undefined when the file exists and the worker may use it. */
export function deviceFailure({ path, exists, permitted, group, others }: DeviceState): string | undefined {
  if (!exists && others.length > 0) {
    return `No device: ${path} does not exist, but ${others.join(' and ')} does. Set HW_ACCEL_DEVICE to it.`;
  }
  if (!exists) {
    return `No device: ${path} does not exist. Is there a graphics card with a driver? A container needs --device /dev/dri.`;
  }
  if (permitted) return undefined;
  const owner = group === undefined ? 'another group' : `group ${group}`;
  return `Not permitted: the worker may not open ${path}, which belongs to ${owner}. Add the worker to it${
    group === undefined ? '' : ` (a container: --group-add ${group})`
  }.`;
}

/** The meaning of FFmpeg's output; for unknown output, its first error. */
export function encoderFailure(type: Encoder, output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/\[[^\]]*@ 0x[0-9a-f]+\]\s*/gi, '').trim())
    .filter((line) => line !== '');
  const [first = 'it said nothing'] = lines;
  for (const [pattern, cause] of CAUSES) {
    const match = lines.map((line) => pattern.exec(line)).find((one) => one !== null && one !== undefined);
    if (match === undefined || match === null) continue;
    const library = match[1] ?? match[2] ?? "the encoder's library";
    return `${cause.replace('$1', library)} (FFmpeg: ${match.input})`;
  }
  return `FFmpeg's ${type} encoder failed: ${first}`;
}
