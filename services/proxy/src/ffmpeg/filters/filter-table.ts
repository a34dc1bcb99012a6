/**
 * The filters that a caller's graph may use, one per line: its name, then its options with their types (value-
 * types.ts), in the order of unnamed options. Options after `*` must be named: FFmpeg 5.1 and 7.1 count them
 * differently, or they are a second name of an earlier option. `none` keeps the place of an option that nobody may set,
 * because it names a file or is code.
 *
 * The table comes from `ffmpeg -h filter=...` of both versions; options that FFmpeg calls strings got their types by
 * hand. Never add a filter that reads, writes or opens anything, or takes commands.
 */
export const FILTER_TABLE = `
acompressor level_in:number mode:integer(downward|upward) threshold:number ratio:number attack:number release:number makeup:number knee:number link:integer(average|maximum) detection:integer(peak|rms) level_sc:number mix:number
acontrast contrast:number
acrossover split:numbers order:integer(2nd|4th|6th|8th|10th|12th|14th|16th|18th|20th) level:number gain:numbers precision:integer(auto|float|double)
adeclick window:number overlap:number arorder:number threshold:number burst:number method:integer(add|a|save|s) * w:number o:number a:number t:number b:number m:integer(add|a|save|s) enable:expression
adeclip window:number overlap:number arorder:number threshold:number hsize:integer method:integer(add|a|save|s) * w:number o:number a:number t:number n:integer m:integer(add|a|save|s) enable:expression
adecorrelate stages:integer seed:integer * enable:expression
adelay delays:numbers all:boolean * enable:expression
aecho in_gain:number out_gain:number delays:numbers decays:numbers
aexciter level_in:number level_out:number amount:number drive:number blend:number freq:number ceil:number listen:boolean * enable:expression
afade type:integer(in|out) start_sample:integer nb_samples:integer start_time:duration duration:duration curve:integer(nofade|tri|qsin|esin|hsin|log|ipar|qua|cub|squ|cbr|par|exp|iqsin|ihsin|dese|desi|losi|sinc|isinc|quat|quatr|qsin2|hsin2) * t:integer(in|out) ss:integer ns:integer st:duration d:duration c:integer(nofade|tri|qsin|esin|hsin|log|ipar|qua|cub|squ|cbr|par|exp|iqsin|ihsin|dese|desi|losi|sinc|isinc|quat|quatr|qsin2|hsin2) silence:number unity:number enable:expression
afftdn noise_reduction:number noise_floor:number noise_type:integer(white|w|vinyl|v|shellac|s|custom|c) band_noise:numbers residual_floor:number track_noise:boolean track_residual:boolean output_mode:integer(input|i|output|o|noise|n) adaptivity:number floor_offset:number noise_link:integer(none|min|max|average) band_multiplier:number sample_noise:integer(none|start|begin|stop|end) gain_smooth:integer * nr:number nf:number nt:integer(white|w|vinyl|v|shellac|s|custom|c) bn:numbers rf:number tn:boolean tr:boolean om:integer(input|i|output|o|noise|n) ad:number fo:number nl:integer(none|min|max|average) bm:number sn:integer(none|start|begin|stop|end) gs:integer enable:expression
aformat sample_fmts:words * f:words sample_rates:words r:words channel_layouts:words cl:words
agate level_in:number mode:integer(downward|upward) range:number threshold:number ratio:number attack:number release:number makeup:number knee:number detection:integer(peak|rms) link:integer(average|maximum) level_sc:number * enable:expression
alimiter level_in:number level_out:number limit:number attack:number release:number asc:boolean asc_level:number level:boolean latency:boolean * enable:expression
amerge inputs:count
amix inputs:count duration:integer(longest|shortest|first) dropout_transition:number weights:numbers normalize:boolean
anequalizer params:bands curves:boolean size:size mgain:number fscale:integer(lin|log) colors:none * enable:expression
anlmdn strength:number patch:duration research:duration output:integer(i|o|n) smooth:number * s:number p:duration r:duration o:integer(i|o|n) m:number enable:expression
anull
aphaser in_gain:number out_gain:number delay:number decay:number speed:number type:integer(triangular|t|sinusoidal|s)
aresample sample_rate:integer * async:number first_pts:integer min_comp:number min_hard_comp:number comp_duration:number max_soft_comp:number osr:integer out_sample_rate:integer osf:word out_sample_fmt:word tsf:word internal_sample_fmt:word ocl:words out_channel_layout:words ochl:words out_chlayout:words clev:number slev:number center_mix_level:number surround_mix_level:number lfe_mix_level:number rmvol:number rematrix_volume:number rematrix_maxval:number flags:flags(res) swr_flags:flags(res) dither_scale:number dither_method:integer(none|rectangular|triangular|triangular_hp|lipshitz|shibata|low_shibata|high_shibata|f_weighted|modified_e_weighted|improved_e_weighted) filter_size:integer phase_shift:integer linear_interp:boolean exact_rational:boolean cutoff:number resample_cutoff:number resampler:integer(swr|soxr) precision:number cheby:boolean matrix_encoding:integer(none|dolby|dplii) filter_type:integer(cubic|blackman_nuttall|kaiser) kaiser_beta:number output_sample_bits:integer
aselect expr:expression outputs:count * e:expression n:count
asetnsamples nb_out_samples:integer pad:boolean * n:integer p:boolean enable:expression
asetpts expr:expression
asetrate sample_rate:integer * r:integer
asettb expr:expression * tb:expression
asoftclip type:integer(hard|tanh|atan|cubic|exp|alg|quintic|sin|erf) threshold:number output:number param:number oversample:integer * enable:expression
asplit outputs:count
astats length:number metadata:boolean reset:integer measure_perchannel:flags(none|all|Bit_depth|Crest_factor|DC_offset|Dynamic_range|Entropy|Flat_factor|Max_difference|Max_level|Mean_difference|Min_difference|Min_level|Noise_floor|Noise_floor_count|Number_of_Infs|Number_of_NaNs|Number_of_denormals|Number_of_samples|Peak_count|Peak_level|RMS_difference|RMS_level|RMS_peak|RMS_trough|Zero_crossings|Zero_crossings_rate|Abs_Peak_count) measure_overall:flags(none|all|Bit_depth|Crest_factor|DC_offset|Dynamic_range|Entropy|Flat_factor|Max_difference|Max_level|Mean_difference|Min_difference|Min_level|Noise_floor|Noise_floor_count|Number_of_Infs|Number_of_NaNs|Number_of_denormals|Number_of_samples|Peak_count|Peak_level|RMS_difference|RMS_level|RMS_peak|RMS_trough|Zero_crossings|Zero_crossings_rate|Abs_Peak_count)
asubboost dry:number wet:number boost:number decay:number feedback:number cutoff:number slope:number delay:number channels:words * enable:expression
asubcut cutoff:number order:integer level:number * enable:expression
asupercut cutoff:number order:integer level:number * enable:expression
asuperpass centerf:number order:integer qfactor:number level:number * enable:expression
asuperstop centerf:number order:integer qfactor:number level:number * enable:expression
atadenoise 0a:number 0b:number 1a:number 1b:number 2a:number 2b:number s:integer p:integer a:integer(p|s) 0s:number 1s:number 2s:number * enable:expression
atempo tempo:number
atrim * start:duration starti:duration end:duration endi:duration start_pts:integer end_pts:integer duration:duration durationi:duration start_sample:integer end_sample:integer
avgblur sizeX:integer planes:integer sizeY:integer * enable:expression
bandpass frequency:number width_type:integer(h|q|o|s|k) width:number csg:boolean mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
bandreject frequency:number width_type:integer(h|q|o|s|k) width:number mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
bass frequency:number width_type:integer(h|q|o|s|k) width:number gain:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
bilateral sigmaS:number sigmaR:number planes:integer * enable:expression
blackdetect d:number picture_black_ratio_th:number pixel_black_th:number * black_min_duration:number pic_th:number pix_th:number
blend c0_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c1_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c2_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c3_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) all_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c0_expr:expression c1_expr:expression c2_expr:expression c3_expr:expression all_expr:expression c0_opacity:number c1_opacity:number c2_opacity:number c3_opacity:number all_opacity:number * eof_action:integer(repeat|endall|pass) shortest:boolean repeatlast:boolean ts_sync_mode:integer(default|nearest) enable:expression
bm3d sigma:number block:integer bstep:integer group:integer range:integer mstep:integer thmse:number hdthr:number estim:integer(basic|final) ref:boolean planes:integer * enable:expression
boxblur luma_radius:expression luma_power:integer chroma_radius:expression chroma_power:integer alpha_radius:expression alpha_power:integer * lr:expression lp:integer cr:expression cp:integer ar:expression ap:integer enable:expression
bwdif mode:integer(send_frame|send_field) parity:integer(tff|bff|auto) deint:integer(all|interlaced) * enable:expression
bwdif_cuda mode:integer(send_frame|send_field|send_frame_nospatial|send_field_nospatial) parity:integer(tff|bff|auto) deint:integer(all|interlaced) * enable:expression
cas strength:number planes:integer * enable:expression
channelmap map:words channel_layout:words
channelsplit channel_layout:words channels:words
chorus in_gain:number out_gain:number delays:numbers decays:numbers speeds:numbers depths:numbers
colorbalance rs:number gs:number bs:number rm:number gm:number bm:number rh:number gh:number bh:number pl:boolean * enable:expression
colorchannelmixer rr:number rg:number rb:number ra:number gr:number gg:number gb:number ga:number br:number bg:number bb:number ba:number ar:number ag:number ab:number aa:number pc:integer(none|lum|max|avg|sum|nrm|pwr) pa:number * enable:expression
colorcontrast rc:number gm:number by:number rcw:number gmw:number byw:number pl:number * enable:expression
colorcorrect rl:number bl:number rh:number bh:number saturation:number analyze:integer(manual|average|minmax|median) * enable:expression
colorlevels rimin:number gimin:number bimin:number aimin:number rimax:number gimax:number bimax:number aimax:number romin:number gomin:number bomin:number aomin:number romax:number gomax:number bomax:number aomax:number preserve:integer(none|lum|max|avg|sum|nrm|pwr) * enable:expression
colormatrix src:integer(bt709|fcc|bt601|bt470|bt470bg|smpte170m|smpte240m|bt2020) dst:integer(bt709|fcc|bt601|bt470|bt470bg|smpte170m|smpte240m|bt2020) * enable:expression
colorspace all:integer(bt470m|bt470bg|bt601-6-525|bt601-6-625|bt709|smpte170m|smpte240m|bt2020) space:integer(bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|gbr|bt2020nc|bt2020ncl) range:integer(tv|mpeg|pc|jpeg) primaries:integer(bt709|bt470m|bt470bg|smpte170m|smpte240m|smpte428|film|smpte431|smpte432|bt2020|jedec-p22|ebu3213) trc:integer(bt709|bt470m|gamma22|bt470bg|gamma28|smpte170m|smpte240m|linear|srgb|iec61966-2-1|xvycc|iec61966-2-4|bt2020-10|bt2020-12) format:integer(yuv420p|yuv420p10|yuv420p12|yuv422p|yuv422p10|yuv422p12|yuv444p|yuv444p10|yuv444p12) fast:boolean dither:integer(none|fsb) wpadapt:integer(bradford|vonkries|identity) iall:integer(bt470m|bt470bg|bt601-6-525|bt601-6-625|bt709|smpte170m|smpte240m|bt2020) ispace:integer(bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|gbr|bt2020nc|bt2020ncl) irange:integer(tv|mpeg|pc|jpeg) iprimaries:integer(bt709|bt470m|bt470bg|smpte170m|smpte240m|smpte428|film|smpte431|smpte432|bt2020|jedec-p22|ebu3213) itrc:integer(bt709|bt470m|gamma22|bt470bg|gamma28|smpte170m|smpte240m|linear|srgb|iec61966-2-1|xvycc|iec61966-2-4|bt2020-10|bt2020-12) * enable:expression
colortemperature temperature:number mix:number pl:number * enable:expression
compand attacks:numbers decays:numbers points:numbers soft-knee:number gain:number volume:number delay:number
crop out_w:expression out_h:expression x:expression y:expression keep_aspect:boolean exact:boolean * w:expression h:expression
cropdetect limit:number round:integer reset:integer skip:integer reset_count:integer max_outliers:integer * mode:integer(black|mvedges) high:number low:number mv_threshold:integer enable:expression
crossfeed strength:number range:number slope:number level_in:number level_out:number block_size:integer * enable:expression
crystalizer i:number c:boolean * enable:expression
dcshift shift:number limitergain:number * enable:expression
dctdnoiz sigma:number overlap:integer expr:expression n:integer * s:number e:expression enable:expression
deband 1thr:number 2thr:number 3thr:number 4thr:number range:integer direction:number blur:boolean coupling:boolean * r:integer d:number b:boolean c:boolean enable:expression
deblock filter:integer(weak|strong) block:integer alpha:number beta:number gamma:number delta:number planes:integer * enable:expression
decimate cycle:integer dupthresh:number scthresh:number blockx:integer blocky:integer ppsrc:boolean chroma:boolean * mixed:boolean
deesser i:number m:number f:number s:integer(i|o|e) * enable:expression
deflicker size:integer mode:integer(am|gm|hm|qm|cm|pm|median) bypass:boolean * s:integer m:integer(am|gm|hm|qm|cm|pm|median)
deinterlace_qsv mode:integer(bob|advanced)
deinterlace_vaapi mode:integer(default|bob|weave|motion_adaptive|motion_compensated) rate:integer(frame|field) auto:integer
dejudder cycle:integer
delogo x:expression y:expression w:expression h:expression show:boolean * enable:expression
denoise_vaapi denoise:integer
detelecine first_field:integer(top|t|bottom|b) pattern:numbers start_frame:integer
dialoguenhance original:number enhance:number voice:number * enable:expression
doubleweave first_field:integer(top|t|bottom|b)
drawbox x:expression y:expression width:expression height:expression color:color thickness:expression replace:boolean box_source:word * w:expression h:expression c:color t:expression enable:expression
drawgrid x:expression y:expression width:expression height:expression color:color thickness:expression replace:boolean * w:expression h:expression c:color t:expression enable:expression
drawtext fontfile:none text:drawn-text textfile:none fontcolor:color fontcolor_expr:none boxcolor:color bordercolor:color shadowcolor:color box:boolean boxborderw:numbers line_spacing:integer fontsize:expression * text_align:flags(left|L|right|R|center|C|top|T|bottom|B|middle|M) x:expression y:expression boxw:integer boxh:integer shadowx:integer shadowy:integer borderw:integer tabsize:integer basetime:integer font:font expansion:integer(none|normal|strftime) y_align:integer(text|baseline|font) timecode:timecode tc24hmax:boolean timecode_rate:ratio r:ratio rate:ratio reload:none alpha:expression fix_bounds:boolean start_number:integer text_source:none text_shaping:boolean ft_load_flags:flags(default|no_scale|no_hinting|render|no_bitmap|vertical_layout|force_autohint|crop_bitmap|pedantic|ignore_global_advance_width|no_recurse|ignore_transform|monochrome|linear_design|no_autohint) enable:expression
dynaudnorm framelen:integer gausssize:integer peak:number maxgain:number targetrms:number coupling:boolean correctdc:boolean altboundary:boolean compress:number threshold:number channels:words overlap:number * f:integer g:integer p:number m:number r:number n:boolean c:boolean b:boolean s:number t:number h:words o:number curve:expression v:expression enable:expression
earwax
ebur128 video:boolean size:size meter:integer framelog:integer(quiet|info|verbose) metadata:boolean peak:flags(none|sample|true) dualmono:boolean panlaw:number target:integer gauge:integer(momentary|m|shortterm|s) scale:integer(absolute|LUFS|relative|LU) * integrated:number range:number lra_low:number lra_high:number sample_peak:number true_peak:number
eq contrast:expression brightness:expression saturation:expression gamma:expression gamma_r:expression gamma_g:expression gamma_b:expression gamma_weight:expression eval:integer(init|frame) * enable:expression
equalizer frequency:number width_type:integer(h|q|o|s|k) width:number gain:number mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
estdif mode:integer(frame|field) parity:integer(tff|bff|auto) deint:integer(all|interlaced) rslope:integer redge:integer ecost:integer mcost:integer dcost:integer interp:integer(2p|4p|6p) * enable:expression
exposure exposure:number black:number * enable:expression
extrastereo m:number c:boolean * enable:expression
fade type:integer(in|out) start_frame:integer nb_frames:integer alpha:boolean start_time:duration duration:duration color:color * t:integer(in|out) s:integer n:integer st:duration d:duration c:color enable:expression
fftdnoiz sigma:number amount:number block:integer overlap:number method:integer(wiener|hard) prev:integer next:integer planes:integer window:integer(rect|bartlett|hann|hanning|hamming|blackman|welch|flattop|bharris|bnuttall|bhann|sine|nuttall|lanczos|gauss|tukey|dolph|cauchy|parzen|poisson|bohman|kaiser) * enable:expression
field type:integer(top|bottom)
fieldmatch order:integer(auto|bff|tff) mode:integer(pc|pc_n|pc_u|pc_n_ub|pcn|pcn_ub) ppsrc:boolean field:integer(auto|bottom|top) mchroma:boolean y0:integer y1:integer scthresh:number combmatch:integer(none|sc|full) combdbg:integer(none|pcn|pcnub) cthresh:integer chroma:boolean blockx:integer blocky:integer combpel:integer
fieldorder order:integer(bff|tff) * enable:expression
fillborders left:integer right:integer top:integer bottom:integer mode:integer(smear|mirror|fixed|reflect|wrap|fade|margins) color:color * enable:expression
flanger delay:number depth:number regen:number width:number speed:number shape:integer(triangular|t|sinusoidal|s) phase:number interp:integer(linear|quadratic)
format pix_fmts:words * color_spaces:words color_ranges:words
fps fps:expression start_time:number round:integer(zero|inf|down|up|near) eof_action:integer(round|pass)
framerate fps:rate interp_start:integer interp_end:integer scene:number flags:flags(scene_change_detect|scd)
framestep step:integer * enable:expression
freezedetect n:number d:duration * noise:number duration:duration
fspp quality:integer qp:integer strength:integer use_bframe_qp:boolean * enable:expression
gblur sigma:number steps:integer planes:integer sigmaV:number * enable:expression
gradfun strength:number radius:integer * enable:expression
grayworld * enable:expression
greyedge difford:integer minknorm:integer sigma:number * enable:expression
haas level_in:number level_out:number side_gain:number middle_source:integer(left|right|mid|side) middle_phase:boolean left_delay:number left_balance:number left_gain:number left_phase:boolean right_delay:number right_balance:number right_gain:number right_phase:boolean
hflip * enable:expression
highpass frequency:number width_type:integer(h|q|o|s|k) width:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
highshelf frequency:number width_type:integer(h|q|o|s|k) width:number gain:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
histeq strength:number intensity:number antibanding:integer(none|weak|strong) * enable:expression
hqdn3d luma_spatial:number chroma_spatial:number luma_tmp:number chroma_tmp:number * enable:expression
hstack inputs:count shortest:boolean
hue h:expression s:expression H:expression b:expression * enable:expression
hwdownload
hwmap mode:flags(read|write|overwrite|direct) derive_device:word reverse:integer
hwupload derive_device:word
hwupload_cuda device:integer
idet intl_thres:number prog_thres:number rep_thres:number half_life:number analyze_interlaced_flag:integer
interlace scan:integer(tff|bff) lowpass:integer(off|linear|complex)
join inputs:count channel_layout:words map:words
kerndeint thresh:integer map:boolean order:boolean sharp:boolean twoway:boolean
limiter min:integer max:integer planes:integer * enable:expression
loudnorm I:number LRA:number TP:number measured_I:number measured_LRA:number measured_TP:number measured_thresh:number offset:number linear:boolean dual_mono:boolean print_format:integer(none|json|summary) * i:number lra:number tp:number measured_i:number measured_lra:number measured_tp:number
lowpass frequency:number width_type:integer(h|q|o|s|k) width:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
lowshelf frequency:number width_type:integer(h|q|o|s|k) width:number gain:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
lut c0:expression c1:expression c2:expression c3:expression y:expression u:expression v:expression r:expression g:expression b:expression a:expression * enable:expression
lutrgb c0:expression c1:expression c2:expression c3:expression y:expression u:expression v:expression r:expression g:expression b:expression a:expression * enable:expression
lutyuv c0:expression c1:expression c2:expression c3:expression y:expression u:expression v:expression r:expression g:expression b:expression a:expression * enable:expression
median radius:integer planes:integer radiusV:integer percentile:number * enable:expression
minterpolate fps:rate mi_mode:integer(dup|blend|mci) mc_mode:integer(obmc|aobmc) me_mode:integer(bidir|bilat) me:integer(esa|tss|tdls|ntss|fss|ds|hexbs|epzs|umh) mb_size:integer search_param:integer vsbmc:integer scd:integer(none|fdiff) scd_threshold:number
monochrome cb:number cr:number size:number high:number * enable:expression
mpdecimate max:integer * keep:integer hi:integer lo:integer frac:number
negate components:flags(y|u|v|r|g|b|a) negate_alpha:boolean * enable:expression
nlmeans s:number p:integer pc:integer r:integer rc:integer * enable:expression
noformat pix_fmts:words * color_spaces:words color_ranges:words
noise all_seed:integer all_strength:integer all_flags:flags(a|p|t|u) c0_seed:integer c0_strength:integer c0_flags:flags(a|p|t|u) c1_seed:integer c1_strength:integer c1_flags:flags(a|p|t|u) c2_seed:integer c2_strength:integer c2_flags:flags(a|p|t|u) c3_seed:integer c3_strength:integer c3_flags:flags(a|p|t|u) * alls:integer allf:flags(a|p|t|u) c0s:integer c0f:flags(a|p|t|u) c1s:integer c1f:flags(a|p|t|u) c2s:integer c2f:flags(a|p|t|u) c3s:integer c3f:flags(a|p|t|u) enable:expression
normalize blackpt:color whitept:color smoothing:integer independence:number strength:number * enable:expression
null
overlay x:expression y:expression eof_action:integer(repeat|endall|pass) eval:integer(init|frame) shortest:boolean format:integer(yuv420|yuv420p10|yuv422|yuv422p10|yuv444|yuv444p10|rgb|gbrp|auto) repeatlast:boolean alpha:integer(straight|premultiplied) * ts_sync_mode:integer(default|nearest) enable:expression
overlay_cuda x:expression y:expression eof_action:integer(repeat|endall|pass) eval:integer(init|frame) shortest:boolean repeatlast:boolean * ts_sync_mode:integer(default|nearest)
overlay_qsv x:expression y:expression w:expression h:expression alpha:integer eof_action:integer(repeat|endall|pass) shortest:boolean repeatlast:boolean * ts_sync_mode:integer(default|nearest)
overlay_vaapi x:expression y:expression w:expression h:expression alpha:number * eof_action:integer(repeat|endall|pass) shortest:boolean repeatlast:boolean ts_sync_mode:integer(default|nearest)
owdenoise depth:integer luma_strength:number chroma_strength:number * ls:number cs:number enable:expression
pad width:expression height:expression x:expression y:expression color:color eval:integer(init|frame) aspect:ratio * w:expression h:expression
pan args:mix
pixdesctest
pp subfilters:postprocess * enable:expression
pp7 qp:integer mode:integer(hard|soft|medium) * enable:expression
procamp_vaapi b:number s:number c:number h:number * brightness:number saturatio:number contrast:number hue:number
pseudocolor c0:expression c1:expression c2:expression c3:expression index:integer preset:integer(none|magma|inferno|plasma|viridis|turbo|cividis|range1|range2|shadows|highlights|solar|nominal|preferred|total|spectral|cool|heat|fiery|blues|green|helix) opacity:number * i:integer p:integer(none|magma|inferno|plasma|viridis|turbo|cividis|range1|range2|shadows|highlights|solar|nominal|preferred|total|spectral|cool|heat|fiery|blues|green|helix) enable:expression
pullup jl:integer jr:integer jt:integer jb:integer sb:boolean mp:integer(y|u|v)
removegrain m0:integer m1:integer m2:integer m3:integer * enable:expression
rotate angle:expression out_w:expression out_h:expression fillcolor:color bilinear:boolean * a:expression ow:expression oh:expression c:color enable:expression
sab luma_radius:number luma_pre_filter_radius:number luma_strength:number chroma_radius:number chroma_pre_filter_radius:number chroma_strength:number * lr:number lpfr:number ls:number cr:number cpfr:number cs:number enable:expression
scale w:expression h:expression flags:scaler-flags interl:boolean * width:expression height:expression size:size s:size in_color_matrix:word out_color_matrix:word in_range:integer(auto|unknown|full|limited|jpeg|mpeg|tv|pc) out_range:integer(auto|unknown|full|limited|jpeg|mpeg|tv|pc) in_chroma_loc:integer(auto|unknown|left|center|topleft|top|bottomleft|bottom) out_chroma_loc:integer(auto|unknown|left|center|topleft|top|bottomleft|bottom) in_v_chr_pos:integer in_h_chr_pos:integer out_v_chr_pos:integer out_h_chr_pos:integer force_original_aspect_ratio:integer(disable|decrease|increase) force_divisible_by:integer param0:number param1:number eval:integer(init|frame) eof_action:integer(repeat|endall|pass) shortest:boolean repeatlast:boolean ts_sync_mode:integer(default|nearest)
scale2ref w:expression h:expression flags:scaler-flags interl:boolean * width:expression height:expression size:size s:size in_color_matrix:word out_color_matrix:word in_range:integer(auto|unknown|full|limited|jpeg|mpeg|tv|pc) out_range:integer(auto|unknown|full|limited|jpeg|mpeg|tv|pc) in_chroma_loc:integer(auto|unknown|left|center|topleft|top|bottomleft|bottom) out_chroma_loc:integer(auto|unknown|left|center|topleft|top|bottomleft|bottom) in_v_chr_pos:integer in_h_chr_pos:integer out_v_chr_pos:integer out_h_chr_pos:integer force_original_aspect_ratio:integer(disable|decrease|increase) force_divisible_by:integer param0:number param1:number eval:integer(init|frame)
scale_cuda w:expression h:expression interp_algo:integer(nearest|bilinear|bicubic|lanczos) format:word passthrough:boolean param:number force_original_aspect_ratio:integer(disable|decrease|increase) force_divisible_by:integer
scale_npp w:expression h:expression * format:word interp_algo:integer(nn|linear|cubic|cubic2p_bspline|cubic2p_catmullrom|cubic2p_b05c03|super|lanczos) force_original_aspect_ratio:integer(disable|decrease|increase) force_divisible_by:integer eval:integer(init|frame)
scale_qsv w:expression h:expression format:word mode:integer(low_power|hq|compute|vd|ve)
scale_vaapi w:expression h:expression format:word mode:integer(default|fast|hq|nl_anamorphic) out_color_matrix:word out_range:integer(full|limited|jpeg|mpeg|tv|pc) out_color_primaries:word out_color_transfer:word out_chroma_location:word force_original_aspect_ratio:integer(disable|decrease|increase) force_divisible_by:integer
scale_vt w:expression h:expression
scale_vulkan w:expression h:expression scaler:integer(bilinear|nearest) format:word out_range:integer(full|limited|jpeg|mpeg|tv|pc)
scdet threshold:number sc_pass:boolean * t:number s:boolean
select expr:expression outputs:count * e:expression n:count
selectivecolor correction_method:integer(absolute|relative) reds:numbers yellows:numbers greens:numbers cyans:numbers blues:numbers magentas:numbers whites:numbers neutrals:numbers blacks:numbers psfile:none * enable:expression
separatefields
setdar dar:ratio max:integer * ratio:ratio r:ratio
setfield mode:integer(auto|bff|tff|prog)
setparams field_mode:integer(auto|bff|tff|prog) range:integer(auto|unspecified|unknown|limited|tv|mpeg|full|pc|jpeg) color_primaries:integer(auto|bt709|unknown|bt470m|bt470bg|smpte170m|smpte240m|film|bt2020|smpte428|smpte431|smpte432|jedec-p22|ebu3213) color_trc:integer(auto|bt709|unknown|bt470m|bt470bg|smpte170m|smpte240m|linear|log100|log316|iec61966-2-4|bt1361e|iec61966-2-1|bt2020-10|bt2020-12|smpte2084|smpte428|arib-std-b67) colorspace:integer(auto|gbr|bt709|unknown|fcc|bt470bg|smpte170m|smpte240m|ycgco|ycgco-re|ycgco-ro|bt2020nc|bt2020c|smpte2085|chroma-derived-nc|chroma-derived-c|ictcp|ipt-c2) * chroma_location:integer(auto|unspecified|unknown|left|center|topleft|top|bottomleft|bottom)
setpts expr:expression
setrange range:integer(auto|unspecified|unknown|limited|tv|mpeg|full|pc|jpeg)
setsar sar:ratio max:integer * ratio:ratio r:ratio
settb expr:expression * tb:expression
sharpness_vaapi sharpness:integer
sidechaincompress level_in:number mode:integer(downward|upward) threshold:number ratio:number attack:number release:number makeup:number knee:number link:integer(average|maximum) detection:integer(peak|rms) level_sc:number mix:number
sidechaingate level_in:number mode:integer(downward|upward) range:number threshold:number ratio:number attack:number release:number makeup:number knee:number detection:integer(peak|rms) link:integer(average|maximum) level_sc:number * enable:expression
silencedetect n:number d:duration mono:boolean * noise:number duration:duration m:boolean
silenceremove start_periods:integer start_duration:duration start_threshold:number start_silence:duration start_mode:integer(any|all) stop_periods:integer stop_duration:duration stop_threshold:number stop_silence:duration stop_mode:integer(any|all) detection:integer(avg|rms|peak|median|ptp|dev) window:duration * timestamp:integer(write|copy) enable:expression
smartblur luma_radius:number luma_strength:number luma_threshold:integer chroma_radius:number chroma_strength:number chroma_threshold:integer * lr:number ls:number lt:integer cr:number cs:number ct:integer alpha_radius:number ar:number alpha_strength:number as:number alpha_threshold:integer at:integer enable:expression
speechnorm peak:number expansion:number compression:number threshold:number raise:number fall:number channels:words invert:boolean link:boolean * p:number e:number c:number t:number r:number f:number h:words i:boolean l:boolean rms:number m:number enable:expression
split outputs:count
spp quality:integer qp:integer mode:integer(hard|soft) use_bframe_qp:boolean * dct:integer idct:integer enable:expression
stereo3d in:integer(ab2l|tb2l|ab2r|tb2r|abl|tbl|abr|tbr|al|ar|sbs2l|sbs2r|sbsl|sbsr|irl|irr|icl|icr) out:integer(ab2l|tb2l|ab2r|tb2r|abl|tbl|abr|tbr|agmc|agmd|agmg|agmh|al|ar|arbg|arcc|arcd|arcg|arch|argg|aybc|aybd|aybg|aybh|irl|irr|ml|mr|sbs2l|sbs2r|sbsl|sbsr|chl|chr|icl|icr|hdmi)
stereotools level_in:number level_out:number balance_in:number balance_out:number softclip:boolean mutel:boolean muter:boolean phasel:boolean phaser:boolean mode:integer(lr>lr|lr>ms|ms>lr|lr>ll|lr>rr|lr>l+r|lr>rl|ms>ll|ms>rr|ms>rl|lr>l-r) slev:number sbal:number mlev:number mpan:number base:number delay:number sclevel:number phase:number bmode_in:integer(balance|amplitude|power) bmode_out:integer(balance|amplitude|power) * enable:expression
stereowiden delay:number feedback:number crossfeed:number drymix:number * enable:expression
superequalizer 1b:number 2b:number 3b:number 4b:number 5b:number 6b:number 7b:number 8b:number 9b:number 10b:number 11b:number 12b:number 13b:number 14b:number 15b:number 16b:number 17b:number 18b:number
surround chl_out:words chl_in:words level_in:number level_out:number lfe:boolean lfe_low:integer lfe_high:integer lfe_mode:integer(add|sub) * smooth:number angle:number focus:number fc_in:number fc_out:number fl_in:number fl_out:number fr_in:number fr_out:number sl_in:number sl_out:number sr_in:number sr_out:number bl_in:number bl_out:number br_in:number br_out:number bc_in:number bc_out:number lfe_in:number lfe_out:number allx:number ally:number fcx:number flx:number frx:number blx:number brx:number slx:number srx:number bcx:number fcy:number fly:number fry:number bly:number bry:number sly:number sry:number bcy:number win_size:integer win_func:integer(rect|bartlett|hann|hanning|hamming|blackman|welch|flattop|bharris|bnuttall|bhann|sine|nuttall|lanczos|gauss|tukey|dolph|cauchy|parzen|poisson|bohman|kaiser) overlap:number
tblend c0_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c1_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c2_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c3_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) all_mode:integer(addition|addition128|grainmerge|and|average|burn|darken|difference|difference128|grainextract|divide|dodge|exclusion|extremity|freeze|glow|hardlight|hardmix|heat|lighten|linearlight|multiply|multiply128|negation|normal|or|overlay|phoenix|pinlight|reflect|screen|softlight|subtract|vividlight|xor|softdifference|geometric|harmonic|bleach|stain|interpolate|hardoverlay) c0_expr:expression c1_expr:expression c2_expr:expression c3_expr:expression all_expr:expression c0_opacity:number c1_opacity:number c2_opacity:number c3_opacity:number all_opacity:number * enable:expression
telecine first_field:integer(top|t|bottom|b) pattern:numbers
tiltshelf frequency:number width_type:integer(h|q|o|s|k) width:number gain:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
tinterlace mode:integer(merge|drop_even|drop_odd|pad|interleave_top|interleave_bottom|interlacex2|mergex2)
tmix frames:count weights:numbers scale:number planes:integer * enable:expression
tonemap tonemap:integer(none|linear|gamma|clip|reinhard|hable|mobius) param:number desat:number peak:number
tonemap_opencl tonemap:integer(none|linear|gamma|clip|reinhard|hable|mobius) transfer:integer(bt709|bt2020) matrix:integer(bt709|bt2020) primaries:integer(bt709|bt2020) range:integer(tv|pc|limited|full) format:word peak:number param:number desat:number threshold:number * t:integer(bt709|bt2020) m:integer(bt709|bt2020) p:integer(bt709|bt2020) r:integer(tv|pc|limited|full)
tonemap_vaapi format:word matrix:word primaries:word transfer:word * m:word p:word t:word display:numbers light:numbers
transpose dir:integer(cclock_flip|clock|cclock|clock_flip) passthrough:integer(none|portrait|landscape)
transpose_npp dir:integer(cclock_flip|clock|cclock|clock_flip) passthrough:integer(none|portrait|landscape)
transpose_vaapi dir:integer(cclock_flip|clock|cclock|clock_flip|reversal|hflip|vflip) passthrough:integer(none|portrait|landscape)
treble frequency:number width_type:integer(h|q|o|s|k) width:number gain:number poles:integer mix:number channels:words normalize:boolean transform:integer(di|dii|tdi|tdii|latt|svf|zdf) precision:integer(auto|s16|s32|f32|f64) blocksize:integer * f:number t:integer(h|q|o|s|k) w:number g:number p:integer m:number c:words n:boolean a:integer(di|dii|tdi|tdii|latt|svf|zdf) r:integer(auto|s16|s32|f32|f64) b:integer enable:expression
tremolo f:number d:number * enable:expression
trim * start:duration starti:duration end:duration endi:duration start_pts:integer end_pts:integer duration:duration durationi:duration start_frame:integer end_frame:integer
unsharp luma_msize_x:integer luma_msize_y:integer luma_amount:number chroma_msize_x:integer chroma_msize_y:integer chroma_amount:number alpha_msize_x:integer alpha_msize_y:integer alpha_amount:number * lx:integer ly:integer la:number cx:integer cy:integer ca:number ax:integer ay:integer aa:number enable:expression
vaguedenoiser threshold:number method:integer(hard|soft|garrote) nsteps:integer percent:number planes:integer type:integer(universal|bayes) * enable:expression
vflip * enable:expression
vibrance intensity:number rbal:number gbal:number bbal:number rlum:number glum:number blum:number alternate:boolean * enable:expression
vibrato f:number d:number * enable:expression
vignette angle:expression x0:expression y0:expression mode:integer(forward|backward) eval:integer(init|frame) dither:boolean aspect:ratio * a:expression enable:expression
virtualbass cutoff:number strength:number * enable:expression
volume volume:expression precision:integer(fixed|float|double) eval:integer(once|frame) replaygain:integer(drop|ignore|track|album) replaygain_preamp:number replaygain_noclip:boolean * enable:expression
volumedetect
vpp_qsv deinterlace:integer(bob|advanced) denoise:integer detail:integer framerate:ratio procamp:integer hue:number saturation:number contrast:number brightness:number transpose:integer(cclock_hflip|clock|cclock|clock_hflip|reversal|hflip|vflip) cw:expression ch:expression cx:expression cy:expression w:expression h:expression format:word async_depth:integer scale_mode:integer(auto|low_power|hq|compute|vd|ve) * width:expression height:expression rate:integer(frame|field) out_range:integer(full|limited|jpeg|mpeg|tv|pc) out_color_matrix:word out_color_primaries:word out_color_transfer:word tonemap:integer
vstack inputs:count shortest:boolean
w3fdif filter:integer(simple|complex) mode:integer(frame|field) parity:integer(tff|bff|auto) deint:integer(all|interlaced) * enable:expression
weave first_field:integer(top|t|bottom|b)
xstack inputs:count layout:words grid:size shortest:boolean fill:color
yadif mode:integer(send_frame|send_field|send_frame_nospatial|send_field_nospatial) parity:integer(tff|bff|auto) deint:integer(all|interlaced) * enable:expression
yadif_cuda mode:integer(send_frame|send_field|send_frame_nospatial|send_field_nospatial) parity:integer(tff|bff|auto) deint:integer(all|interlaced) * enable:expression
zscale w:expression h:expression size:size dither:integer(none|ordered|random|error_diffusion) filter:integer(point|bilinear|bicubic|spline16|spline36|lanczos) out_range:integer(input|limited|full|unknown|tv|pc) primaries:integer(input|709|unspecified|170m|240m|2020|unknown|bt709|bt470m|bt470bg|smpte170m|smpte240m|film|bt2020|smpte428|smpte431|smpte432|jedec-p22|ebu3213) transfer:integer(input|709|unspecified|601|linear|2020_10|2020_12|unknown|bt470m|bt470bg|smpte170m|smpte240m|bt709|log100|log316|bt2020-10|bt2020-12|smpte2084|iec61966-2-4|iec61966-2-1|arib-std-b67) matrix:integer(input|709|unspecified|470bg|170m|2020_ncl|2020_cl|unknown|gbr|bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|bt2020nc|bt2020c|chroma-derived-nc|chroma-derived-c|ictcp|smpte2400m) in_range:integer(input|limited|full|unknown|tv|pc) primariesin:integer(input|709|unspecified|170m|240m|2020|unknown|bt709|bt470m|bt470bg|smpte170m|smpte240m|film|bt2020|smpte428|smpte431|smpte432|jedec-p22|ebu3213) transferin:integer(input|709|unspecified|601|linear|2020_10|2020_12|unknown|bt470m|bt470bg|smpte170m|smpte240m|bt709|log100|log316|bt2020-10|bt2020-12|smpte2084|iec61966-2-4|iec61966-2-1|arib-std-b67) matrixin:integer(input|709|unspecified|470bg|170m|2020_ncl|2020_cl|unknown|gbr|bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|bt2020nc|bt2020c|chroma-derived-nc|chroma-derived-c|ictcp|smpte2400m) chromal:integer(input|left|center|topleft|top|bottomleft|bottom) chromalin:integer(input|left|center|topleft|top|bottomleft|bottom) npl:number agamma:boolean param_a:number param_b:number * width:expression height:expression s:size d:integer(none|ordered|random|error_diffusion) f:integer(point|bilinear|bicubic|spline16|spline36|lanczos) range:integer(input|limited|full|unknown|tv|pc) r:integer(input|limited|full|unknown|tv|pc) p:integer(input|709|unspecified|170m|240m|2020|unknown|bt709|bt470m|bt470bg|smpte170m|smpte240m|film|bt2020|smpte428|smpte431|smpte432|jedec-p22|ebu3213) t:integer(input|709|unspecified|601|linear|2020_10|2020_12|unknown|bt470m|bt470bg|smpte170m|smpte240m|bt709|log100|log316|bt2020-10|bt2020-12|smpte2084|iec61966-2-4|iec61966-2-1|arib-std-b67) m:integer(input|709|unspecified|470bg|170m|2020_ncl|2020_cl|unknown|gbr|bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|bt2020nc|bt2020c|chroma-derived-nc|chroma-derived-c|ictcp|smpte2400m) rangein:integer(input|limited|full|unknown|tv|pc) rin:integer(input|limited|full|unknown|tv|pc) pin:integer(input|709|unspecified|170m|240m|2020|unknown|bt709|bt470m|bt470bg|smpte170m|smpte240m|film|bt2020|smpte428|smpte431|smpte432|jedec-p22|ebu3213) tin:integer(input|709|unspecified|601|linear|2020_10|2020_12|unknown|bt470m|bt470bg|smpte170m|smpte240m|bt709|log100|log316|bt2020-10|bt2020-12|smpte2084|iec61966-2-4|iec61966-2-1|arib-std-b67) min:integer(input|709|unspecified|470bg|170m|2020_ncl|2020_cl|unknown|gbr|bt709|fcc|bt470bg|smpte170m|smpte240m|ycgco|bt2020nc|bt2020c|chroma-derived-nc|chroma-derived-c|ictcp|smpte2400m) c:integer(input|left|center|topleft|top|bottomleft|bottom) cin:integer(input|left|center|topleft|top|bottomleft|bottom)
`;
