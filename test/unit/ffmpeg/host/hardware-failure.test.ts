/** Why a hardware encoder does not work: from what FFmpeg 5.1 and 7.1 print, here and in public reports. */
import { describe, expect, test } from 'vitest';
import { deviceFailure, encoderFailure } from '../../../../services/proxy/src/ffmpeg/host/hardware-failure.ts';

const context = (name: string, text: string) => `[${name} @ 0x562479d90900] ${text}`;
const refused = (device: string, why: string) => [
  `Failed to set value '${device}' for option 'init_hw_device': ${why}`,
  `Error parsing global options: ${why}`,
];

describe('encoderFailure', () => {
  test.each([
    // Recorded on a machine without a graphics card: both versions print the same.
    [
      'nvenc',
      'no libcuda',
      [
        context('AVHWDeviceContext', 'Cannot load libcuda.so.1'),
        context('AVHWDeviceContext', 'Could not dynamically load CUDA'),
        'Device creation failed: -1.',
        ...refused('cuda=gpu', 'Operation not permitted'),
      ],
      /^No runtime library: libcuda\.so\.1 is missing/,
    ],
    [
      'vaapi',
      'no VA display',
      [
        context('AVHWDeviceContext', 'No VA display found for device /dev/dri/renderD128.'),
        'Device creation failed: -22.',
        ...refused('vaapi=gpu:/dev/dri/renderD128', 'Invalid argument'),
      ],
      /^No driver: no VA driver works.*intel-media-va-driver.*mesa-va-drivers/,
    ],
    [
      'vaapi',
      'a device without a kernel driver',
      [
        'Device creation failed: -542398533.',
        ...refused('vaapi=gpu:/dev/null', 'Generic error in an external library'),
      ],
      /^No driver: the device is not a graphics card/,
    ],
    [
      'nvenc',
      'an FFmpeg without it',
      ['Invalid device specification "cuda=gpu": unknown device type', ...refused('cuda=gpu', 'Invalid argument')],
      /^No runtime library: this FFmpeg was built without it.*FFMPEG_PATH/,
    ],
    [
      'qsv',
      'no runtime, 5.1',
      [
        context('h264_qsv', 'Error initializing an internal MFX session: unsupported (-3)'),
        'Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0',
      ],
      /^No runtime library: install libmfx/,
    ],
    [
      'qsv',
      'no runtime, 7.1',
      [
        context('h264_qsv', 'Error creating a MFX session: -9.'),
        context('vost#0:0/h264_qsv', 'Error while opening encoder - maybe incorrect parameters such as bit_rate'),
        context(
          'out#0/null',
          'Nothing was written into output file, because at least one of its streams received no packets.',
        ),
      ],
      /^No runtime library: install libmfx/,
    ],
    // From FFmpeg's own messages and public reports.
    [
      'vaapi',
      'a driver that fails',
      [
        context('AVHWDeviceContext', 'libva: /usr/lib/x86_64-linux-gnu/dri/iHD_drv_video.so init failed'),
        context('AVHWDeviceContext', 'Failed to initialise VAAPI connection: -1 (unknown libva error).'),
        'Device creation failed: -5.',
        ...refused('vaapi=gpu:/dev/dri/renderD128', 'Input/output error'),
      ],
      /^No driver: no VA driver works/,
    ],
    [
      'vaapi',
      'no encoder for the codec',
      [context('hevc_vaapi', 'No usable encoding profile found.'), 'Error initializing output stream 0:0'],
      /^Codec not supported/,
    ],
    [
      'vaapi',
      'a card that only decodes',
      [context('h264_vaapi', 'No usable encoding entrypoint found for profile VAProfileH264High (7).')],
      /^Codec not supported/,
    ],
    [
      'nvenc',
      'no card',
      [
        context(
          'AVHWDeviceContext',
          'cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected',
        ),
        'Device creation failed: -542398533.',
      ],
      /^No device: there is no NVIDIA card/,
    ],
    [
      'nvenc',
      'an old driver',
      [
        context('h264_nvenc', 'Driver does not support the required nvenc API version. Required: 12.2 Found: 11.1'),
        context('h264_nvenc', 'The minimum required Nvidia driver for nvenc is 550.54.14 or newer'),
      ],
      /^No driver: NVIDIA's driver is older/,
    ],
    [
      'nvenc',
      'no encoding library in a container',
      [context('h264_nvenc', 'Cannot load libnvidia-encode.so.1')],
      /libnvidia-encode\.so\.1 is missing.*NVIDIA_DRIVER_CAPABILITIES/,
    ],
    ['nvenc', 'a codec that the card has not', [context('hevc_nvenc', 'Codec not supported')], /^Codec not supported/],
    [
      'nvenc',
      'no session left',
      [context('h264_nvenc', 'OpenEncodeSessionEx failed: out of memory (10): (no details)')],
      /no encoding session left/,
    ],
    ['vaapi', 'no permission', ['/dev/dri/renderD128: Permission denied'], /^Not permitted/],
    ['qsv', 'something new', ['The moon is in the wrong phase.', 'Conversion failed!'], /qsv encoder failed: The moon/],
    ['qsv', 'nothing at all', [], /it said nothing/],
  ] as const)('%s: %s', (type, _what, lines, expected) => {
    expect(encoderFailure(type, lines.join('\n'))).toMatch(expected);
  });
});

describe('deviceFailure', () => {
  const device = { path: '/dev/dri/renderD128', exists: true, permitted: true, group: 105, others: [] };
  test.each([
    [device, undefined],
    [{ ...device, exists: false, permitted: false }, /^No device: .*--device \/dev\/dri/],
    [{ ...device, exists: false, others: ['/dev/dri/renderD129'] }, /renderD129 does\. Set HW_ACCEL_DEVICE/],
    [{ ...device, permitted: false }, /^Not permitted: .*group 105.*--group-add 105/],
  ])('%o', (state, expected) => {
    const failure = deviceFailure(state);
    if (expected === undefined) expect(failure).toBeUndefined();
    else expect(failure).toMatch(expected);
  });
});
