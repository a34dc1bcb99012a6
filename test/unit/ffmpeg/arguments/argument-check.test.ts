/** What a caller's profile may ask of FFmpeg, and what it may not. */
import { describe, expect, test } from 'vitest';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const INPUT = 'http://user:secret@provider.example/live/1.ts';

const resolve = (profile: string, variables: Record<string, string> = {}) =>
  resolveProfile({ profile, variables, inputUrl: INPUT }, NO_HARDWARE);

function refusal(profile: string, variables: Record<string, string> = {}): string {
  try {
    resolve(profile, variables);
  } catch (error) {
    if (error instanceof StreampoolError && error.status === 422) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('accepts', () => {
  test.each([
    // As clients of m3u-proxy send them.
    '-i {input_url} -c:v libx264 -preset faster -crf {crf|23} -maxrate {maxrate|2500k} -bufsize {bufsize|5000k} -c:a aac -b:a {audio_bitrate|192k} -f mpegts {output_args|pipe:1}',
    '-fflags +genpts+discardcorrupt+igndts -i {input_url} -c:v libx264 -preset faster -c:a aac -hls_time 2 -hls_list_size 30 -hls_flags program_date_time -f hls {output_args|index.m3u8}',
    '-i {input_url} -c:v libx264 -hls_segment_type fmp4 -hls_time 2 -f hls {output_args|index.m3u8}',
    '-y -hide_banner -loglevel error -re -reconnect 1 -reconnect_streamed 1 -reconnect_delay_max 5 -i {input_url} -c copy -f mpegts {output_args}',
    '-hwaccel cuda -hwaccel_output_format cuda -i {input_url} -c:v h264_nvenc -preset p4 -rc vbr -cq 23 -vf scale_cuda=1280:720 -c:a aac {output_args}',
    '-init_hw_device vaapi=va:/dev/dri/renderD128 -hwaccel vaapi -hwaccel_device va -i {input_url} -filter_hw_device va -vf scale_vaapi=w=1280:h=720 -c:v h264_vaapi -f mpegts pipe:1',
    '-vaapi_device /dev/dri/renderD128 -i {input_url} -vf format=nv12,hwupload -c:v h264_vaapi -f mpegts -',
    '-i {input_url} -map 0:v:0 -map 0:a:0? -map -0:s -map 0:p:101? -c:v:0 libx264 -b:v:0 2M -b:a:1 96k -f mpegts',
    '-i {input_url} -map 0:m:language:eng -c copy -f mpegts {output_args}',
    '-i {input_url} -vf "yadif=1,scale=-2:\'min(720,ih)\',fps=30000/1001,format=yuv420p" -profile:v main -level 4.1 -c:v libx264 -an {output_args}',
    '-i {input_url} -filter_complex "[0:v]split=2[a][b];[b]crop=iw/2:ih:0:0[c];[a][c]overlay=10:10[v]" -map [v] -map 0:a -c:v libx264 -f mpegts {output_args}',
    '-i {input_url} -c:v libx264 -x264-params keyint=50:min-keyint=25:scenecut=0:nal-hrd=cbr -tune zerolatency -flags -global_header -f mpegts {output_args}',
    '-i {input_url} -c:v libx265 -x265-params keyint=50:no-open-gop=1 -tag:v hvc1 -movflags +faststart -f mp4 {output_args}',
    `-i {input_url} -c copy -metadata title="A/B: it's http://here" -metadata service_name=x -f mpegts {output_args}`,
    '-i {input_url} -vf drawtext=text=%{localtime}:x=10:y=10:fontsize=24 -c:v libx264 {output_args}',
    '-i {input_url} -c:v libx264 -force_key_frames expr:gte(t,n_forced*2) -c:a aac -af volume=0.5,aresample=async=1 {output_args}',
    '-i {input_url} -vn -c:a libmp3lame -q:a 2 -f mp3 {output_args}',
  ])('%s', (profile) => {
    expect(refusal(profile)).toBe('accepted');
  });
});

describe('refuses', () => {
  test.each<[string, RegExp]>([
    ['-c:v libx264 {output_args}', /exactly one input/],
    ['-i {input_url} -i /etc/passwd -c copy {output_args}', /'-i'.*exactly one input/],
    ['-i {input_url} -i {input_url} -c copy {output_args}', /exactly one input/],
    ['-i /etc/passwd -c copy {output_args}', /'-i \/etc\/passwd'/],
    ['-i file:/etc/passwd -c copy {output_args}', /only input is \{input_url\}/],
    ['-i concat:{input_url}|/etc/passwd -c copy {output_args}', /only input/],
    ['-i "{input_url}\n-i /etc/passwd" -c copy {output_args}', /line breaks/],
    ['-hide_banner {input_url} -i {input_url} {output_args}', /options stand before the input/],
    ['-i {input_url} -filter scale=1:1 {output_args}', /-filter:v/],
    ['-i {input_url} -c:0 copy {output_args}', /-c:v/],
    ['-hide_banner /tmp/first.ts -i {input_url} {output_args}', /\/tmp\/first.ts/],
    ['-f lavfi -i {input_url} {output_args}', /'-f'/],
    ['-f concat -safe 0 -i {input_url} {output_args}', /'-f'/],
    ['-i {input_url} -c copy /tmp/out.ts', /'\/tmp\/out.ts'.*only output/],
    ['-i {input_url} -c copy out.ts', /only output/],
    ['-i {input_url} -c copy ../index.m3u8', /only output/],
    ['-i {input_url} -c copy /tmp/index.m3u8', /only output/],
    ['-i {input_url} -c copy http://x/index.m3u8', /only output/],
    ['-i {input_url} -c copy pipe:2', /only output/],
    ['-i {input_url} -c copy tee:/tmp/x', /only output/],
    ['-i {input_url} -c copy {output_args} -f mpegts /tmp/x', /one output only/],
    ['-i {input_url} -c copy {output_args} -y', /have no effect/],
    ['-i {input_url} -c copy -f tee "[f=mpegts]/tmp/a|pipe:1"', /only output/],
    ['-i {input_url} -c copy -f tee {output_args}', /'tee' is not supported; use one of/],
    ['-i {input_url} -c copy -f segment {output_args}', /'segment' is not supported/],
    ['-i {input_url} -c copy -f avi {output_args}', /'avi' is not supported/],
    ['-report -i {input_url} -c copy {output_args}', /-report.*files/],
    ['-i {input_url} -vstats_file /tmp/x -c copy {output_args}', /-vstats_file/],
    ['-i {input_url} -vstats -c copy {output_args}', /-vstats/],
    ['-progress http://evil/ -i {input_url} -c copy {output_args}', /-progress/],
    ['-i {input_url} -c:v libx264 -pass 1 -passlogfile /tmp/x {output_args}', /-pass/],
    ['-dump_attachment:t /tmp/x -i {input_url} -c copy {output_args}', /-dump_attachment:t/],
    ['-i {input_url} -attach /etc/passwd -c copy {output_args}', /-attach/],
    ['-i {input_url} -sdp_file /tmp/x -c copy {output_args}', /-sdp_file/],
    ['-protocol_whitelist file,http -i {input_url} -c copy {output_args}', /-protocol_whitelist/],
    ['-http_proxy http://evil -i {input_url} -c copy {output_args}', /-http_proxy.*request/],
    ['-i {input_url} -headers "X: y" -c copy {output_args}', /-headers.*request/],
    ['-i {input_url} -user_agent x -c copy {output_args}', /-user_agent.*request/],
    ['-headers "no header" -i {input_url} -c copy {output_args}', /-headers.*each line/],
    ['-i {input_url} -target vcd {output_args}', /-target/],
    ['-i {input_url} -filter_complex_script /etc/passwd {output_args}', /-filter_complex_script/],
    ['-i {input_url} -filter_script:v /etc/passwd {output_args}', /-filter_script:v/],
    ['-i {input_url} -/filter:v /etc/passwd {output_args}', /-\/filter:v/],
    ['-i {input_url} --help {output_args}', /--help/],
    ['-ss 10 -i {input_url} -c copy {output_args}', /-ss.*no start/],
    ['-i {input_url} -t 60 -c copy {output_args}', /-t.*no start/],
    ['-i {input_url} -preset veryfast -c:v libx264 -vpre /x {output_args}', /-vpre/],
    ['-i {input_url} -map 1:v -c copy {output_args}', /-map may not be '1:v'/],
    ['-i {input_url} -map_metadata /x -c copy {output_args}', /-map_metadata/],
    ['-init_hw_device vaapi=va:/etc/passwd -i {input_url} {output_args}', /-init_hw_device/],
    ['-vaapi_device /etc/passwd -i {input_url} {output_args}', /-vaapi_device/],
    ['-hwaccel_device /tmp/x -hwaccel vaapi -i {input_url} {output_args}', /-hwaccel_device/],
    ['-i {input_url} -metadata title={input_url} -c copy {output_args}', /for -i only/],
    ['-i {input_url} -c copy -metadata', /needs a value/],
    ['-i {input_url} -c:v libx264 -b:v -i {output_args}', /-b:v may not be '-i': it takes a bitrate/],
    ['-i {input_url} -c:v libx264 -tune /etc/passwd {output_args}', /-tune may not be '\/etc\/passwd'/],
    ['-i {input_url} -c:v libx264 -x264-params stats=/tmp/x:keyint=5 {output_args}', /'stats'/],
    ['-i {input_url} -c:v libx264 -x264opts keyint=5:qpfile=/etc/passwd {output_args}', /'qpfile'/],
    ['-i {input_url} -c:v libx264 -x264-params dump_yuv=x {output_args}', /'dump-yuv'/],
    ['-i {input_url} -c:v libx264 -x264-params st\\ats=/tmp/x {output_args}', /may not set 'st.ats'/],
    ['-i {input_url} -c:v libx265 -x265-params csv=/tmp/x {output_args}', /'csv'/],
    ['-i {input_url} -c:v libx265 -x265-params "analysis-save=x" {output_args}', /'analysis-save'/],
    ['-i {input_url} -c:v libx265 -x265-params "recon-y4m-exec=sh" {output_args}', /'recon-y4m-exec'/],
  ])('%s', (profile, reason) => {
    expect(refusal(profile)).toMatch(reason);
  });

  test.each<[string, RegExp]>([
    ['movie=/etc/passwd', /'movie'/],
    ['amovie=/etc/passwd', /'amovie'/],
    ['scale=1:1,movie=/etc/passwd', /'movie'/],
    ['[in]scale=1:1[a];movie=/etc/passwd[b];[a][b]overlay[out]', /'movie'/],
    ['mo\\vie=/etc/passwd', /'movie'/],
    ["'mov'ie=/etc/passwd", /'movie'/],
    [' movie = /etc/passwd', /'movie'/],
    ['movie@x=/etc/passwd', /'movie'/],
    ["scale=w='1,movie=x':h=1,movie=y", /scale=w may not be '1,movie=x'/],
    ["scale='1\\',movie=/etc/passwd,null=0'", /scale=w may not be '1\\'/],
    ['null[a];[a]movie=x', /'movie'/],
    ['subtitles=/etc/passwd', /'subtitles'/],
    ['ass=x', /'ass'/],
    ['lut3d=x', /'lut3d'/],
    ['drawtext=textfile=/etc/passwd', /drawtext=textfile/],
    ['drawtext=text=a:textfile=/etc/passwd', /drawtext=textfile/],
    ['drawtext=text=a\\:b:text\\file=/etc/passwd', /unnamed option 'b' of drawtext/],
    ["drawtext=text='a':'textfile'=/etc/passwd", /drawtext/],
    ['drawtext=fontfile=/etc/passwd:text=a', /drawtext=fontfile/],
    ['drawtext=/etc/passwd', /drawtext/],
    ['drawtext=/text=/etc/passwd', /drawtext=\/text/],
    ['scale=/w=/etc/passwd', /scale=\/w/],
    ['sendcmd=f=/etc/passwd', /'sendcmd'/],
    ["sendcmd=c='1 drawtext reinit textfile=/etc/passwd'", /'sendcmd'/],
    ['zmq', /'zmq'/],
    ['frei0r=x', /'frei0r'/],
    ['metadata=print:file=/tmp/x', /'metadata'/],
    ['signature=filename=/tmp/x', /'signature'/],
    ['vidstabdetect=result=/tmp/x', /'vidstabdetect'/],
    ['psnr=stats_file=/tmp/x', /'psnr'/],
    ['libplacebo=custom_shader_path=/tmp/x', /'libplacebo'/],
    ['scale=1:1]', /cannot be read/],
    ['', /''/],
  ])('the filter graph %s', (graph, reason) => {
    for (const option of ['-vf', '-filter_complex']) {
      // As a variable, so that the template's own quoting plays no part.
      expect(refusal(`-i {input_url} ${option} {graph} -c:v libx264 -f mpegts {output_args}`, { graph })).toMatch(
        reason,
      );
    }
  });

  test.each([
    ['a b -i /etc/passwd', '-b:v'],
    ['2M\n-i\n/etc/passwd', '-b:v'],
    ['2M\u0000', '-b:v'],
  ])('nothing through the variable %j but as one value', (value) => {
    const outcome = refusal('-i {input_url} -c:v libx264 -b:v {rate} {output_args}', { rate: value });
    if (outcome === 'accepted') {
      const { args } = resolve('-i {input_url} -c:v libx264 -b:v {rate} {output_args}', { rate: value });
      expect(args[args.indexOf('-b:v') + 1]).toBe(value);
    } else {
      expect(outcome).toMatch(/control characters|it takes a bitrate/);
    }
  });

  // An expression with nested repetition would stand still here.
  test.each([`0${':m:v:v'.repeat(60)}`, `0${':v'.repeat(30_000)}!`, `0:${'p:1:'.repeat(15_000)}x`])(
    'a map of many parts at once',
    (map) => {
      expect(refusal('-i {input_url} -map {map} -c copy {output_args}', { map })).toMatch(/-map may not be/);
    },
  );

  test('names what is allowed', () => {
    expect(refusal('-i {input_url} -nosuch 1 {output_args}')).toMatch(/options a profile may use, which are .*\bcrf\b/);
    expect(refusal('-i {input_url} -vf scale=nosuch=1 {output_args}')).toMatch(/scale takes w, h, flags/);
    expect(refusal('-i {input_url} -color_range x {output_args}')).toMatch(/one of .*limited/);
    expect(refusal('-i {input_url} -flags +pass1 {output_args}')).toMatch(/flags among .*global_header/);
  });

  test('FFmpeg gets values anew, not as they were spelled', () => {
    const { outputOptions } = resolve(
      '-i {input_url} -vf {graph} -threads:v 007 -forced-idr yes -flags mv4|qpel -aspect 16/9 -r 25:1 -c:v libx264 {output_args}',
      { graph: ` [in] 'sca'le = 1280:'min(720\\,ih)' , null@x [out]` },
    );
    expect(outputOptions).toEqual([
      ...['-vf', 'scale=w=1280:h=min(720\\,ih),null', '-threads:v', '7', '-forced-idr', '1', '-flags', 'mv4+qpel'],
      ...['-aspect', '16:9', '-r', '25/1', '-c:v', 'libx264'],
    ]);
  });

  test('a caller cannot say what input_url and output_args are', () => {
    const { args } = resolve('-i {input_url} -c copy {output_args}', {
      input_url: '/etc/passwd',
      output_args: '/tmp/x',
    });
    expect(args).toEqual(['-i', INPUT, '-c', 'copy', 'pipe:1']);
  });
});
