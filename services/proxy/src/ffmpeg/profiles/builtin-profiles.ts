/**
 * The built-in profiles, made for live streams: at most the source's size, square pixels, 4:2:0, stereo AAC at 48 kHz.
 */
import { StreampoolError } from '../../errors.ts';
import { type Container, isAudioOnly } from '../arguments/container.ts';
import { type HardwareAcceleration, hardwareInputOptions } from '../host/hardware.ts';

export interface BuiltInProfile {
  name: string;
  description: string;
  /** Variables a caller may set, with their defaults. */
  parameters: Readonly<Record<string, string>>;
  codec: 'h264' | 'hevc' | 'none';
  /** The picture is made to fit in this box. It is never enlarged. */
  box?: { width: number; height: number };
  /** `crf` instead of `video_bitrate`. */
  constantQuality?: boolean;
  lowLatency?: boolean;
  cpuPreset: string;
}

export const BUILT_IN_PROFILES: readonly BuiltInProfile[] = [
  {
    name: 'default',
    description: 'H.264 at a steady bitrate with AAC: plays everywhere',
    parameters: { video_bitrate: '2M', audio_bitrate: '128k' },
    codec: 'h264',
    cpuPreset: 'veryfast',
  },
  {
    name: 'hq',
    description: 'H.264 at constant quality with AAC: better picture, more bandwidth',
    parameters: { crf: '23', audio_bitrate: '192k' },
    codec: 'h264',
    constantQuality: true,
    cpuPreset: 'faster',
  },
  {
    name: 'lowlatency',
    description: 'H.264 without frame reordering or look-ahead, for the shortest delay',
    parameters: { video_bitrate: '1M', audio_bitrate: '96k' },
    codec: 'h264',
    lowLatency: true,
    cpuPreset: 'veryfast',
  },
  {
    name: '720p',
    description: 'H.264 that fits in 1280x720, keeping the aspect ratio',
    parameters: { video_bitrate: '2500k', audio_bitrate: '128k' },
    codec: 'h264',
    box: { width: 1280, height: 720 },
    cpuPreset: 'veryfast',
  },
  {
    name: '1080p',
    description: 'H.264 that fits in 1920x1080, keeping the aspect ratio',
    parameters: { video_bitrate: '5000k', audio_bitrate: '192k' },
    codec: 'h264',
    box: { width: 1920, height: 1080 },
    cpuPreset: 'veryfast',
  },
  {
    name: 'hevc',
    description: 'HEVC with AAC: about half the bandwidth, for players that have it',
    parameters: { video_bitrate: '2M', audio_bitrate: '128k' },
    codec: 'hevc',
    cpuPreset: 'veryfast',
  },
  {
    name: 'audio',
    description: 'Sound alone, as AAC',
    parameters: { audio_bitrate: '192k' },
    codec: 'none',
    cpuPreset: '',
  },
];

/** Containers that HEVC does not go into, or only with the newest FFmpeg and players (FLV), and their names in a sentence. */
const WITHOUT_HEVC: Readonly<Partial<Record<Container, string>>> = {
  webm: 'WebM',
  flv: 'FLV',
  mpeg: 'A program stream',
  ogg: 'Ogg',
};
/** Containers whose pictures are of another codec than the profile's. */
const OWN_CODECS: readonly Container[] = ['webm', 'mpeg', 'ogg'];

/**
 * The profile as a template, for `container` and this machine's hardware.
 *
 * @throws StreampoolError 422 when the container cannot hold the profile's video.
 */
export function builtInTemplate(profile: BuiltInProfile, container: Container, hardware: HardwareAcceleration): string {
  const hasVideo = profile.codec !== 'none' && !isAudioOnly(container);
  const noHevc = WITHOUT_HEVC[container];
  if (noHevc !== undefined && profile.codec === 'hevc') {
    throw new StreampoolError(
      422,
      `${noHevc} cannot hold HEVC; use output_format mpegts, mp4 or matroska with the hevc profile.`,
    );
  }
  // No hardware VP9 encoder is worth a probe, and none makes MPEG-2 or Theora everywhere, so the CPU does.
  const onCpu = OWN_CODECS.includes(container) || (profile.codec === 'hevc' && !hardware.hevc);
  const device: HardwareAcceleration = onCpu || !hasVideo ? { type: 'cpu', device: '', hevc: true } : hardware;
  return [
    ...hardwareInputOptions(device),
    '-i {input_url}',
    ...(hasVideo ? videoOptions(profile, container, device) : ['-vn']),
    ...audioOptions(container, hasVideo),
    '-sn -dn -f {format} {output_args}',
  ].join(' ');
}

function videoOptions(profile: BuiltInProfile, container: Container, hardware: HardwareAcceleration): string[] {
  return [
    ...encoderOptions(profile, container, hardware),
    profile.constantQuality === true
      ? qualityOptions(container, hardware)
      : '-b:v {video_bitrate} -maxrate {video_bitrate} -bufsize {bufsize}',
    `-vf ${filters(profile, hardware)}`,
  ];
}

function encoderOptions(profile: BuiltInProfile, container: Container, hardware: HardwareAcceleration): string[] {
  if (container === 'webm') return ['-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -lag-in-frames 0 -g 240'];
  if (container === 'mpeg') return ['-c:v mpeg2video -g 15 -bf 0'];
  if (container === 'ogg') return ['-c:v libtheora -g 60'];
  const hvc1 = profile.codec === 'hevc' && (container === 'mp4' || container === 'mov') ? ['-tag:v hvc1'] : [];
  // The source's keyframes are forced (command.ts). -g sets a limit for a source without keyframes.
  switch (hardware.type) {
    case 'nvenc':
      return [
        `-c:v ${profile.codec}_nvenc -preset ${profile.lowLatency ? 'p2 -tune ull -zerolatency 1 -bf 0' : 'p4'} -g 250 -no-scenecut 1`,
        ...hvc1,
      ];
    case 'vaapi':
      return [`-c:v ${profile.codec}_vaapi -g 250${profile.lowLatency ? ' -bf 0' : ''}`, ...hvc1];
    case 'qsv':
      return [
        `-c:v ${profile.codec}_qsv -preset veryfast -g 250${profile.lowLatency ? ' -bf 0 -async_depth 1' : ''}`,
        ...hvc1,
      ];
    case 'cpu':
      return profile.codec === 'hevc'
        ? [`-c:v libx265 -preset ${profile.cpuPreset} -g 250 -x265-params scenecut=0`, ...hvc1]
        : [
            `-c:v libx264 -preset ${profile.cpuPreset}${profile.lowLatency ? ' -tune zerolatency' : ''} -g 250 -sc_threshold 0`,
          ];
  }
}

function qualityOptions(container: Container, hardware: HardwareAcceleration): string {
  if (container === 'webm') return '-crf {crf} -b:v 0';
  // Neither encoder has -crf. These scales are 2 to 31, and 0 to 10 with the best last.
  if (container === 'mpeg') return '-q:v 4';
  if (container === 'ogg') return '-q:v 7';
  switch (hardware.type) {
    case 'nvenc':
      return '-rc vbr -cq {crf} -b:v 0';
    case 'vaapi':
      return '-rc_mode CQP -qp {crf}';
    case 'qsv':
      return '-global_quality {crf}';
    case 'cpu':
      return '-crf {crf}';
  }
}

/** Deinterlaces interlaced pictures, fits them in the box with square pixels and even sizes, in 8-bit 4:2:0. */
function filters({ box }: BuiltInProfile, hardware: HardwareAcceleration): string {
  const size = box === undefined ? '' : fitIn(box.width, box.height, hardware.type === 'qsv' ? 'iw' : '(iw*sar)');
  switch (hardware.type) {
    case 'nvenc':
      return `yadif_cuda=deint=interlaced,scale_cuda=${size}format=yuv420p`;
    case 'vaapi':
      return `deinterlace_vaapi=auto=1,scale_vaapi=${size}format=nv12`;
    case 'qsv':
      return `vpp_qsv=deinterlace=2,scale_qsv=${size}format=nv12`;
    case 'cpu':
      return box === undefined
        ? `yadif=deint=interlaced,scale=w='trunc(iw/2)*2':h='trunc(ih/2)*2',format=yuv420p`
        : `yadif=deint=interlaced,scale=${size.replace(/:$/, '')},setsar=1,format=yuv420p`;
  }
}

/** Scaler options that keep the aspect ratio and never enlarge; `width` is the expression of the displayed width. */
function fitIn(maxWidth: number, maxHeight: number, width: string): string {
  const factor = `min(1,min(${maxWidth}/${width},${maxHeight}/ih))`;
  return `w='trunc(${width}*${factor}/2+0.5)*2':h='trunc(ih*${factor}/2+0.5)*2':`;
}

function audioOptions(container: Container, hasVideo: boolean): string[] {
  const bitrate = '-b:a {audio_bitrate} -ac 2 -ar 48000';
  switch (container) {
    case 'webm':
    case 'ogg':
      return [`-c:a libopus ${bitrate}`, ...(hasVideo ? [] : ['-vn'])];
    case 'mpeg':
      return [`-c:a mp2 ${bitrate}`];
    case 'mp3':
      return [`-c:a libmp3lame ${bitrate}`];
    default:
      return [`-c:a aac ${bitrate}`];
  }
}
