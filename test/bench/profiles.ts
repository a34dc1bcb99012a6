/** The FFmpeg profiles that the benchmark uses besides the built-in ones. */

/** Passes the source on unchanged, so that encoding does not disturb. */
export const COPY_PROFILE = '-i {input_url} -map 0:v:0 -map 0:a:0 -c copy -f mpegts {output_args}';
