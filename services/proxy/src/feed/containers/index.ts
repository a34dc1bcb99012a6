/** Chooses the fragmenter of a container. */
import { adtsFrame } from '../../mpegts/syntax/adts.ts';
import { mp3Frame } from '../../mpegts/syntax/audio-frames.ts';
import { AudioFrameFragmenter } from './audio-frames.ts';
import { FlvFragmenter } from './flv.ts';
import type { Fragmenter, FragmentSink } from './fragmenter.ts';
import { MatroskaFragmenter } from './matroska.ts';
import { Mp4Fragmenter } from './mp4.ts';
import { OggFragmenter } from './ogg.ts';
import { ProgramStreamFragmenter } from './program-stream.ts';

export { ContainerError, type Fragmenter, type FragmentSink, MAX_PIECE_BYTES } from './fragmenter.ts';

/** Containers that viewers can join at a fragment. */
export type OpaqueContainer = 'mp4' | 'mov' | 'matroska' | 'webm' | 'flv' | 'mpeg' | 'ogg' | 'adts' | 'mp3';

/**
 * Makes the fragmenter of one FFmpeg's output.
 *
 * @example
 * const fragmenter = createFragmenter('mp4', sink);
 * ffmpeg.stdout.on('data', (chunk) => fragmenter.push(chunk));
 * ffmpeg.stdout.on('end', () => fragmenter.end());
 */
export function createFragmenter(container: OpaqueContainer, sink: FragmentSink): Fragmenter {
  switch (container) {
    case 'mp4':
    case 'mov':
      return new Mp4Fragmenter(sink);
    case 'matroska':
    case 'webm':
      return new MatroskaFragmenter(sink);
    case 'flv':
      return new FlvFragmenter(sink);
    case 'mpeg':
      return new ProgramStreamFragmenter(sink);
    case 'ogg':
      return new OggFragmenter(sink);
    case 'adts':
      return new AudioFrameFragmenter(sink, adtsFrame);
    case 'mp3':
      return new AudioFrameFragmenter(sink, mp3Frame);
  }
}
