/** What media consists of, as people read it. A field is absent while nobody knows it: none is ever guessed. */

export interface MediaFacts {
  /** Size of the pictures in pixels, such as `1920x1080`. */
  readonly resolution?: string | undefined;
  /** By the name that FFmpeg has for it, such as `h264`. */
  readonly videoCodec?: string | undefined;
  /** Pictures a second, to two places, as FFmpeg prints them: 29.97. */
  readonly fps?: number | undefined;
  /** By the name that FFmpeg has for it, such as `aac`. */
  readonly audioCodec?: string | undefined;
  /** By the name that FFmpeg has for the layout: `mono`, `stereo`, `5.1(side)`. */
  readonly audioChannels?: string | undefined;
}
