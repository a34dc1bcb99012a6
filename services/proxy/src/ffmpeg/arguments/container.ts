/** The output containers of a transcoded stream: their FFmpeg muxer names, aliases and content types. */

export type Container = 'mpegts' | 'mp4' | 'mov' | 'matroska' | 'webm' | 'flv' | 'mpeg' | 'ogg' | 'adts' | 'mp3';

const CONTENT_TYPES: Readonly<Record<Container, string>> = {
  mpegts: 'video/mp2t',
  mp4: 'video/mp4',
  // As m3u-proxy: players that ask what it is know this name better than QuickTime's.
  mov: 'video/mp4',
  matroska: 'video/x-matroska',
  webm: 'video/webm',
  flv: 'video/x-flv',
  mpeg: 'video/mpeg',
  ogg: 'video/ogg',
  adts: 'audio/aac',
  mp3: 'audio/mpeg',
};

const ALIASES: ReadonlyMap<string, Container> = new Map<string, Container>([
  ['ts', 'mpegts'],
  ['mkv', 'matroska'],
  ['aac', 'adts'],
  ['mpg', 'mpeg'],
]);

/** The formats that an error about an output format lists. */
export const OUTPUT_FORMATS: readonly string[] = [...Object.keys(CONTENT_TYPES), 'hls'];

/** The container of an FFmpeg muxer name or one of its aliases (`ts`, `mkv`, `aac`, `mpg`); undefined when unsupported. */
export function containerOf(formatName: string): Container | undefined {
  const name = formatName.trim().toLowerCase();
  return isContainer(name) ? name : ALIASES.get(name);
}

/** The Content-Type of a response that carries `container`. */
export function contentTypeOf(container: Container): string {
  return CONTENT_TYPES[container];
}

/** Whether a container holds only audio. The video of a source is then left out. */
export function isAudioOnly(container: Container): boolean {
  return container === 'adts' || container === 'mp3';
}

function isContainer(name: string): name is Container {
  return Object.hasOwn(CONTENT_TYPES, name);
}
