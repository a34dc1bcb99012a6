/** The types of values that only command line options have. All others are in value-types.ts. */

import { type GraphKind, readFilterGraph, writeFilterGraph } from '../filters/filter-graph.ts';
import { readCodecParams } from '../values/codec-params.ts';
import { readExpression } from '../values/expression.ts';
import { readDevice, readHardwareDevice } from '../values/hardware-device.ts';
import { readMap, readSourceOfMetadata } from '../values/stream-specifier.ts';
import { typeOf, type ValueType } from '../values/value-types.ts';

const BITSTREAM_FILTERS = new Set(
  `null h264_mp4toannexb hevc_mp4toannexb vvc_mp4toannexb aac_adtstoasc dump_extra extract_extradata remove_extra h264_redundant_pps
   mpeg4_unpack_bframes vp9_superframe vp9_superframe_split av1_frame_merge eac3_core dca_core truehd_core filter_units
   h264_metadata hevc_metadata mpeg2_metadata av1_metadata`.split(/\s+/),
);
const DISPOSITION = typeOf(
  'flags(default|dub|original|comment|lyrics|karaoke|forced|hearing_impaired|visual_impaired|clean_effects|attached_pic|captions|descriptions|dependent|metadata|still_image)',
);
const MAX_TEXT_CHARS = 1000;

const graphType = (kind: GraphKind): ValueType => ({
  expects: 'a filter graph',
  read: (text) => writeFilterGraph(readFilterGraph(text, kind)),
});

const TYPES: Readonly<Record<string, ValueType>> = {
  map: { expects: 'streams of the one input, such as 0:v:0 or 0:a?', read: readMap },
  'source-of-metadata': { expects: '-1 for none, or 0 for the one input', read: readSourceOfMetadata },
  device: { expects: 'a device such as /dev/dri/renderD128, or its number or name', read: readDevice },
  'hardware-device': { expects: 'a device such as vaapi=va:/dev/dri/renderD128', read: readHardwareDevice },
  'simple-graph': graphType('simple'),
  'complex-graph': graphType('complex'),
  'x264-params': { expects: 'key=value:key=value', read: (text) => readCodecParams('x264', text) },
  'x265-params': { expects: 'key=value:key=value', read: (text) => readCodecParams('x265', text) },
  'bitstream-filters': {
    expects: `bitstream filters among ${[...BITSTREAM_FILTERS].join(', ')}`,
    read: readBitstreamFilters,
  },
  disposition: {
    expects: `0, or ${DISPOSITION.expects}`,
    read: (text) => (text === '0' ? text : DISPOSITION.read(text)),
  },
  keyframes: { expects: 'source, expr: with an expression, or times', read: readKeyframes },
  metadata: { expects: 'key=text', read: readMetadata },
  program: { expects: 'title=name:program_num=1:st=0', read: readProgram },
};

/** The type with this name in the table of options. */
export function optionTypeOf(spelling: string): ValueType {
  return TYPES[spelling] ?? typeOf(spelling);
}

function readBitstreamFilters(text: string): string | undefined {
  if (text.length > MAX_TEXT_CHARS) return undefined;
  const known = text.split(',').every((filter) => {
    const [name = '', ...rest] = filter.split('=');
    if (!BITSTREAM_FILTERS.has(name)) return false;
    const options = rest.join('=');
    return rest.length === 0 || options.split(':').every((option) => /^\w{1,64}=\w[\w|.+/-]{0,200}$/.test(option));
  });
  return known ? text : undefined;
}

function readKeyframes(text: string): string | undefined {
  if (text === 'source' || text === 'source_no_drop') return text;
  if (text.startsWith('expr:')) {
    const expression = readExpression(text.slice('expr:'.length));
    return expression === undefined ? undefined : `expr:${expression}`;
  }
  return text.length <= MAX_TEXT_CHARS && /^\d[\d.:]{0,20}(?:,\d[\d.:]{0,20})*$/.test(text) ? text : undefined;
}

function readMetadata(text: string): string | undefined {
  return text.length <= MAX_TEXT_CHARS && /^\w[\w. -]{0,63}=/.test(text) ? text : undefined;
}

function readProgram(text: string): string | undefined {
  const known = text.split(':').every((part) => /^(?:title=[\w .-]{1,64}|program_num=\d{1,5}|st=\d{1,3})$/.test(part));
  return known && text.length <= MAX_TEXT_CHARS ? text : undefined;
}
