/** The name under which a viewer asks for something in a manifest. It says what is inside, as players expect it. Pure. */

/** Names that may stand in an address, by the extensions that providers use for the same content. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  m4s: ['m4s', 'm4v', 'm4a', 'm4f', 'mp4', 'mp4a', 'mp4v', 'cmfv', 'cmfa', 'cmft', 'dash', 'mov'],
  webm: ['webm', 'chk', 'hdr'],
  ts: ['ts', 'm2ts', 'mts'],
  vtt: ['vtt', 'webvtt'],
  ttml: ['ttml', 'dfxp', 'xml'],
  jpg: ['jpg', 'jpeg'],
  png: ['png'],
};

export const CONTENT_EXTENSIONS = Object.keys(CONTENT);

const OF_TYPE: readonly (readonly [type: RegExp, extension: string])[] = [
  [/webm/i, 'webm'],
  [/mp2t/i, 'ts'],
  [/vtt/i, 'vtt'],
  [/ttml/i, 'ttml'],
  [/jpeg/i, 'jpg'],
  [/png/i, 'png'],
];

/**
 * @param url absolute, or a template
 * @param type the MIME type that the manifest says; '' when it says none
 */
export function contentName(url: string, type: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const known = Object.entries(CONTENT).find(([, names]) => names.includes(extension))?.[0];
  return known ?? OF_TYPE.find(([pattern]) => pattern.test(type))?.[1] ?? 'm4s';
}
