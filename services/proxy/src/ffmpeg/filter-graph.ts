/** FFmpeg filter graphs given by callers: which filters they may use, read with FFmpeg's own quoting rules. */
import { StreampoolError } from '../errors.ts';

/** Filters that neither open files nor take commands. A filter that is not here is refused. */
const ALLOWED_FILTERS = new Set(
  `null anull format noformat fps framerate minterpolate framestep settb asettb setpts asetpts setsar setdar setfield setparams
   setrange select aselect split asplit scale scale2ref scale_cuda scale_npp scale_vaapi scale_qsv scale_vt scale_vulkan vpp_qsv zscale
   hwupload hwupload_cuda hwdownload hwmap crop cropdetect pad fillborders transpose transpose_vaapi transpose_npp hflip vflip rotate
   yadif yadif_cuda bwdif bwdif_cuda w3fdif kerndeint estdif deinterlace_vaapi deinterlace_qsv idet interlace tinterlace
   field fieldorder fieldmatch decimate mpdecimate pullup telecine detelecine dejudder separatefields weave doubleweave
   hqdn3d nlmeans atadenoise bm3d fftdnoiz owdenoise vaguedenoiser removegrain dctdnoiz denoise_vaapi sharpness_vaapi
   procamp_vaapi unsharp cas smartblur boxblur gblur avgblur sab bilateral median deband deblock deflicker gradfun pp pp7 spp fspp
   eq hue vibrance colorbalance colorchannelmixer colorlevels colorspace colormatrix colortemperature colorcontrast colorcorrect
   exposure monochrome grayworld normalize histeq limiter lut lutyuv lutrgb negate noise vignette greyedge selectivecolor
   tonemap tonemap_vaapi tonemap_opencl pseudocolor pixdesctest delogo drawbox drawgrid drawtext fade overlay overlay_cuda
   overlay_vaapi overlay_qsv blend hstack vstack xstack stereo3d tmix tblend blackdetect freezedetect scdet
   volume loudnorm dynaudnorm speechnorm acompressor alimiter agate compand mcompand aresample aformat asetrate atempo asetnsamples
   pan channelmap channelsplit amix amerge join adelay aecho equalizer bass treble highpass lowpass bandpass bandreject
   anequalizer superequalizer highshelf lowshelf tiltshelf afade silenceremove silencedetect stereowiden stereotools extrastereo
   earwax crossfeed haas dialoguenhance deesser afftdn anlmdn aphaser chorus flanger vibrato tremolo volumedetect astats ebur128
   adeclick adeclip adecorrelate crystalizer virtualbass asoftclip sidechaincompress sidechaingate surround acrossover aexciter
   asubboost asubcut asupercut asuperpass asuperstop dcshift acontrast`
    .trim()
    .split(/\s+/),
);

const FILE_LIKE_KEY = /file|path|plot|shader|script|stats|\bplugin/;

export interface FilterUse {
  name: string;
  options: string;
}

/**
 * The filters of a graph such as `[0:v]scale=-2:720,fps=25[v]`, in order.
 *
 * @throws StreampoolError 422 when the graph cannot be read.
 */
export function parseFilterGraph(graph: string): FilterUse[] {
  const filters: FilterUse[] = [];
  let rest = graph.replace(/^\s*sws_flags=[\w+]+;/, '');
  do {
    rest = skipLabels(rest);
    const name = takeToken(rest, '=,;[');
    rest = name.rest;
    let options = '';
    if (rest.startsWith('=')) {
      const taken = takeToken(rest.slice(1), '[],;');
      options = taken.text;
      rest = taken.rest;
    }
    filters.push({ name: name.text, options });
    rest = skipLabels(rest);
    if (rest !== '' && !/^[,;]/.test(rest)) {
      throw new StreampoolError(422, `The filter graph '${graph}' cannot be read at '${rest}'.`);
    }
    rest = rest.slice(1);
  } while (rest.trim() !== '');
  return filters;
}

/**
 * Refuses graphs with a filter outside the allow-list, or with an option that reads or writes a file.
 *
 * @returns The filters used.
 * @throws StreampoolError 422 naming the filter or option.
 */
export function checkFilterGraph(graph: string): FilterUse[] {
  const filters = parseFilterGraph(graph);
  for (const filter of filters) {
    const type = filter.name.replace(/@\w+$/, '');
    if (!ALLOWED_FILTERS.has(type)) {
      throw new StreampoolError(422, `The filter '${type}' is not allowed in a profile; remove it.`);
    }
    const items = filterOptions(filter.options);
    for (const { key, positional } of items) {
      // A leading slash (`/text=name`) loads the value from a file in FFmpeg 7.
      if (key.startsWith('/') || (!positional && FILE_LIKE_KEY.test(key))) {
        throw new StreampoolError(422, `The filter option '${type}=${key}' reads or writes a file; remove it.`);
      }
    }
    // The first positional option of drawtext is its font file.
    if (type === 'drawtext' && items.some((item) => item.positional)) {
      throw new StreampoolError(
        422,
        `Name the options of drawtext (drawtext=text=...): its unnamed ones are file names.`,
      );
    }
  }
  return filters;
}

interface FilterOption {
  key: string;
  value: string;
  positional: boolean;
}

/** The `key=value` pairs and unnamed values of a filter's option text (already unescaped once by the graph). */
export function filterOptions(options: string): FilterOption[] {
  const items: FilterOption[] = [];
  let rest = options;
  while (rest !== '') {
    const named = /^\s*(\/?[\w/-]+)\s*=/.exec(rest);
    const taken = takeToken(named === null ? rest : rest.slice(named[0].length), ':');
    items.push({
      key: named?.[1]?.toLowerCase() ?? taken.text.trim(),
      value: taken.text,
      positional: named === null,
    });
    rest = taken.rest.slice(1);
  }
  return items;
}

/** FFmpeg's av_get_token: up to an unquoted terminator; `\x` is x, `'...'` is literal. */
function takeToken(text: string, terminators: string): { text: string; rest: string } {
  let taken = '';
  let at = 0;
  while (at < text.length && !terminators.includes(text.charAt(at))) {
    const char = text.charAt(at);
    if (char === '\\' && at + 1 < text.length) {
      taken += text.charAt(at + 1);
      at += 2;
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      taken += text.slice(at + 1, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end + 1;
    } else {
      taken += char;
      at += 1;
    }
  }
  return { text: taken.trim(), rest: text.slice(at) };
}

function skipLabels(text: string): string {
  return text.replace(/^\s*(?:\[[^\]]*\]\s*)*/, '');
}
