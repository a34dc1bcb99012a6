/** The keys that `-x264-params`, `-x264opts` and `-x265-params` may contain: those that name no file. */
import { StreampoolError } from '../../errors.ts';
import { shorten } from './value-types.ts';

const X264_KEYS = new Set(
  `keyint min-keyint scenecut no-scenecut intra-refresh bframes b-adapt b-bias b-pyramid open-gop no-cabac cabac ref no-deblock
   deblock slices slices-max slice-max-size slice-max-mbs slice-min-mbs tff bff interlaced fake-interlaced pic-struct frame-packing
   bluray-compat avcintra-class stitchable force-cfr constrained-intra pulldown
   bitrate crf crf-max qp qpmin qpmax qpstep qp-min qp-max qp-step ratetol vbv-maxrate vbv-bufsize vbv-init nal-hrd filler
   rc-lookahead sync-lookahead aq-mode aq-strength mbtree no-mbtree qcomp cplxblur qblur ipratio pbratio chroma-qp-offset
   direct weightb no-weightb weightp me merange mvrange mvrange-thread subme psy no-psy psy-rd mixed-refs no-mixed-refs
   chroma-me no-chroma-me 8x8dct no-8x8dct trellis fast-pskip no-fast-pskip dct-decimate no-dct-decimate nr deadzone-inter
   deadzone-intra partitions analyse threads lookahead-threads sliced-threads no-sliced-threads thread-input non-deterministic
   cpu-independent aud no-aud sps-id level profile preset tune colorprim transfer colormatrix chromaloc range fullrange videoformat
   overscan sar fps timebase vfr-input force-idr annexb repeat-headers global-header ssim psnr frames`.split(/\s+/),
);

const X265_KEYS = new Set(
  `keyint min-keyint scenecut no-scenecut scenecut-bias open-gop no-open-gop bframes b-adapt b-pyramid no-b-pyramid b-intra
   bframe-bias rc-lookahead lookahead-slices lookahead-threads gop-lookahead ref radl intra-refresh
   bitrate crf crf-max crf-min qp qpmin qpmax qpstep ipratio pbratio qcomp cplxblur qblur cbqpoffs crqpoffs aq-mode aq-strength
   aq-motion qg-size cutree no-cutree strict-cbr vbv-maxrate vbv-bufsize vbv-init vbv-end hrd filler lossless rc-grain const-vbv
   me merange subme max-merge temporal-mvp no-temporal-mvp weightp no-weightp weightb no-weightb rd rd-refine rdoq-level
   psy-rd psy-rdoq rdpenalty rect no-rect amp no-amp early-skip no-early-skip rskip rskip-edge-threshold fast-intra no-fast-intra
   tskip tskip-fast limit-refs limit-modes limit-tu tu-intra-depth tu-inter-depth max-tu-size ctu min-cu-size strong-intra-smoothing
   no-strong-intra-smoothing constrained-intra signhide no-signhide nr-intra nr-inter sao no-sao sao-non-deblock limit-sao
   selective-sao deblock no-deblock pmode pme pools frame-threads wpp no-wpp slices numa-pools
   repeat-headers no-repeat-headers aud no-aud annexb info no-info sei hash eob eos idr-recovery-sei temporal-layers
   log-level psnr ssim profile level-idc high-tier no-high-tier allow-non-conformance uhd-bd asm
   sar display-window overscan videoformat range colorprim transfer colormatrix chromaloc master-display max-cll hdr10 hdr10-opt
   no-hdr10-opt hdr interlace field fades hist-scenecut dynamic-rd ssim-rd splitrd-skip copy-pic psy fps preset tune vui-timing-info
   vui-hrd-info level min-luma max-luma atc-sei pic-struct`.split(/\s+/),
);

const MAX_CHARS = 2000;
/** Numbers, names and lists of them. x265 writes a display's colours with brackets. */
const VALUE = /^[\w.,+()-]+$/;

/**
 * The list in the form that FFmpeg takes. It may hold only known keys and plain values: encoders have keys that read or
 * write files (`stats`, `qpfile`, `csv`, ...) or contain further keys (`zones`), and FFmpeg unescapes the list.
 *
 * @throws StreampoolError 422 naming the key.
 */
export function readCodecParams(encoder: 'x264' | 'x265', text: string): string | undefined {
  if (text.length > MAX_CHARS) return undefined;
  const keys = encoder === 'x265' ? X265_KEYS : X264_KEYS;
  const pairs = text.split(':').filter((pair) => pair !== '');
  for (const pair of pairs) {
    const [name = '', ...values] = pair.split('=');
    const key = name.toLowerCase().replaceAll('_', '-');
    if (!keys.has(key)) {
      throw new StreampoolError(
        422,
        `-${encoder}-params may not set '${shorten(key)}'; it takes ${[...keys].join(', ')}.`,
      );
    }
    const bracketed = key === 'master-display' || !/[()]/.test(values.join(''));
    if (values.length > 1 || !values.every((value) => VALUE.test(value)) || !bracketed) {
      throw new StreampoolError(
        422,
        `-${encoder}-params may not set ${key} to '${shorten(values.join('='))}': write plain numbers and names, without quotes or backslashes.`,
      );
    }
  }
  return pairs.length === 0 ? undefined : pairs.join(':');
}
