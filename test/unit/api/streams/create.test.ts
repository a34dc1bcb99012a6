// POST /streams and POST /transcode: what they answer, and what they refuse.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startApi } from '../support.ts';

const LIVE = 'http://tv.example/live/joe/s3cret/7.ts';

describe('POST /streams', () => {
  it('answers with everything a player needs', async () => {
    const api = await startApi();
    const { status, body } = await api.post('/streams', {
      url: LIVE,
      failover_urls: ['http://backup.example/7.ts'],
      user_agent: 'Box',
      metadata: { name: 'Seven', id: 42, on: true, off: false, rate: 4.5 },
      headers: { Referer: 'http://tv.example/' },
      strict_live_ts: true,
      use_sticky_session: false,
      something_unknown: 1,
    });
    const id = createHash('md5').update(LIVE).digest('hex');
    expect(status).toBe(200);
    expect(body).toEqual({
      stream_id: id,
      primary_url: LIVE,
      failover_urls: ['http://backup.example/7.ts'],
      user_agent: 'Box',
      stream_type: 'direct',
      stream_endpoint: `/stream/${id}`,
      playlist_url: `/stream/${id}`,
      direct_url: `/stream/${id}`,
      playback_expires_at: null,
      message: 'Stream created successfully (direct)',
      existing: false,
      metadata: { name: 'Seven', id: '42', on: 'True', off: 'False', rate: '4.5' },
    });
  });

  it('leaves metadata out of its answer when none was sent', async () => {
    const api = await startApi();
    const { body } = await api.post('/streams', { url: LIVE });
    expect(body).not.toHaveProperty('metadata');
    expect((await api.get(`/streams/${body.stream_id}`)).body.stream?.metadata).toEqual({});
  });

  it('announces an HLS source at the HLS endpoint', async () => {
    const api = await startApi();
    const { body } = await api.post('/streams', { url: 'http://tv.example/live/master.m3u8?x=1' });
    expect(body).toMatchObject({
      stream_type: 'hls',
      stream_endpoint: `/hls/${body.stream_id}/playlist.m3u8`,
      playlist_url: `/hls/${body.stream_id}/playlist.m3u8`,
      message: 'Stream created successfully (hls)',
    });
  });

  it('makes one stream of ten simultaneous requests for one URL', async () => {
    const api = await startApi();
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.post('/streams', { url: LIVE })));
    expect(new Set(answers.map(({ body }) => body.stream_id)).size).toBe(1);
    expect(answers.filter(({ body }) => !body.existing)).toHaveLength(1);
    await api.post('/streams', { url: `${LIVE}?2` });
    expect((await api.get('/streams')).body.total).toBe(2);
  });

  it('says of a stream that exists what holds', async () => {
    const api = await startApi();
    await api.post('/streams', { url: LIVE, user_agent: 'First', metadata: { who: 'first' } });
    const { body } = await api.post('/streams', { url: LIVE, user_agent: 'Second', metadata: { who: 'second' } });
    expect(body).toMatchObject({ existing: true, user_agent: 'First', metadata: { who: 'first' } });
  });

  it.each([
    'http://a.example/x',
    'https://a.example:8443/x?y=z',
    'HTTP://A.example/metadata:1',
    'http://[2606:4700::1111]/x',
  ])('takes %s', async (url) => {
    const api = await startApi();
    expect((await api.post('/streams', { url })).status).toBe(200);
  });

  it.each([
    '',
    'not-a-url',
    'ftp://a.example/x',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'http://',
    'rtsp://a.example/x',
    'http://a.example/x\r\nHost: b',
  ])('refuses the URL %j', async (url) => {
    const api = await startApi();
    const { status, body } = await api.post('/streams', { url });
    expect(status).toBe(422);
    expect(body.detail).toEqual([
      { type: 'value_error', loc: ['body', 'url'], msg: expect.stringContaining('http'), input: url },
    ]);
  });

  it('tells a second creator nothing secret of the first one, unless both have the token', async () => {
    for (const env of [{}, { API_TOKEN: 't0ken' }] as Record<string, string>[]) {
      const api = await startApi(env);
      const order = { url: 'http://a.example/live/1.ts' };
      const token = { 'x-api-token': 't0ken' };
      const backup = 'http://joe:pw@b.example/1.ts';
      await api.post('/streams', { ...order, failover_urls: [backup], metadata: { source: backup } }, token);
      const { body } = await api.post('/streams', { ...order, metadata: {} }, token);
      const shown = env.API_TOKEN === undefined ? 'http://***@b.example/1.ts' : backup;
      expect(body).toMatchObject({ existing: true, failover_urls: [shown], metadata: { source: shown } });
    }
  });

  it('looks at failover URLs and the resolver the same way', async () => {
    const api = await startApi();
    const failover = await api.post('/streams', { url: LIVE, failover_urls: [LIVE, 'file:///x'] });
    expect(failover.body.detail?.[0]?.loc).toEqual(['body', 'failover_urls', 1]);
    const resolver = await api.post('/streams', { url: LIVE, failover_resolver_url: 'x' });
    expect(resolver.body.detail?.[0]?.loc).toEqual(['body', 'failover_resolver_url']);
  });

  it.each(['http://169.254.170.2/v2/credentials', 'http://127.1/x', 'http://[::1]/x', 'http://localhost/x'])(
    'refuses %s, whatever ALLOW_PRIVATE_SOURCES says of the LAN',
    async (url) => {
      const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'lan' });
      const answer = await api.post('/streams', { url });
      expect(answer.status).toBe(422);
      expect(answer.body.detail).toContain('refused');
      expect((await api.get('/streams')).body.total).toBe(0);
      const { status, body } = await api.post('/streams', { url: LIVE, failover_urls: [LIVE, url] });
      expect([status, body.warnings]).toEqual([200, [expect.stringMatching(/^failover_urls\[1\] .*refused/)]]);
    },
  );

  it.each([[{ a: [1] }], [{ a: { b: 1 } }], [{ a: null }], ['text']])('refuses the metadata %j', async (metadata) => {
    const api = await startApi();
    expect((await api.post('/streams', { url: LIVE, metadata })).status).toBe(422);
  });

  it('refuses a header that would break the request apart', async () => {
    const api = await startApi();
    for (const headers of [{ 'X-A': 'b\r\nX-Evil: 1' }, { 'X-A\r\nX-Evil': 'b' }]) {
      const answer = await api.post('/streams', { url: LIVE, headers });
      expect(answer.status).toBe(422);
      expect(answer.body.detail).toContain('header');
    }
    expect((await api.post('/streams', { url: LIVE, user_agent: 'a\r\nb: c' })).status).toBe(422);
  });

  it.each([
    [true, true],
    ['true', true],
    ['1', true],
    [1, true],
    [false, false],
    ['False', false],
    [0, false],
    [null, false],
  ])('reads the flag %j as %s', async (given, read) => {
    const api = await startApi();
    const flags = { use_sticky_session: given, strict_live_ts: given, enable_silence_detection: given, share: given };
    const { status, body } = await api.post('/streams', { url: LIVE, ...flags });
    const stream = await api.services.registry.stream(String(body.stream_id));
    expect([status, stream?.stickySession === true]).toEqual([200, read]);
    expect(stream?.silence?.enabled).toBe(given === null ? undefined : read);
    // Without a word on it the setting counts.
    expect(stream?.share).toBe(given === null ? undefined : read);
  });

  it('reads numbers that come as text', async () => {
    const api = await startApi();
    const numbers = { silence_threshold_db: '-50.5', silence_duration: '3', silence_failover_threshold: '3' };
    const { status, body } = await api.post('/streams', { url: LIVE, ...numbers });
    expect(status).toBe(200);
    const stream = await api.services.registry.stream(String(body.stream_id));
    expect(stream?.silence).toEqual({ thresholdDb: -50.5, durationMs: 3_000, failoverThreshold: 3 });
  });

  it.each([
    ['use_sticky_session', 2],
    ['use_sticky_session', 'perhaps'],
    ['use_sticky_session', []],
    ['share', 'perhaps'],
    ['silence_duration', ''],
    ['silence_duration', '3 s'],
    ['silence_duration', true],
    ['silence_duration', 0],
    ['silence_threshold_db', 3],
    ['silence_check_interval', 0],
    ['silence_monitoring_grace_period', -1],
    ['silence_failover_threshold', '3.5'],
    ['silence_failover_threshold', 0],
  ])('refuses %s %j, and names it', async (field, value) => {
    const api = await startApi();
    const { status, body } = await api.post('/streams', { url: LIVE, [field]: value });
    expect([status, body.detail?.[0]?.loc]).toEqual([422, ['body', field]]);
  });

  it('takes an empty user agent for none', async () => {
    const api = await startApi({ DEFAULT_USER_AGENT: 'Ours' });
    expect((await api.post('/streams', { url: LIVE, user_agent: '' })).body.user_agent).toBe('Ours');
  });

  it('accepts what is not built yet, and says so', async () => {
    const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'lan' });
    const cookies = await api.post('/transcode', { url: LIVE, cookies_path: '/x', cookies: 'x' });
    expect([cookies.status, cookies.body.warnings]).toEqual([
      200,
      ['cookies has no effect without a resolver.', 'cookies_path has no effect without a resolver.'],
    ]);
  });

  it('says that nobody measures the sound of what is passed on to each viewer alone', async () => {
    const warned = async (path: string, order: object, env = {}) => {
      const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'lan', ...env });
      return (await api.post(path, { url: LIVE, enable_silence_detection: true, ...order })).body.warnings;
    };
    expect(await warned('/streams', {})).toEqual([expect.stringContaining('enable_silence_detection')]);
    expect(await warned('/streams', { url: 'http://example.com/a.m3u8', share: true })).toHaveLength(1);
    expect(await warned('/streams', { enable_silence_detection: false })).toBeUndefined();
    expect(await warned('/streams', { share: true })).toBeUndefined();
    expect(await warned('/streams', {}, { SHARE_DIRECT_STREAMS: 'true' })).toBeUndefined();
    expect(await warned('/transcode', {})).toBeUndefined();
    const env = { ENABLE_SILENCE_DETECTION: 'true' };
    const backup = { enable_silence_detection: null, failover_urls: ['http://192.168.1.9/b.ts'] };
    expect(await warned('/streams', backup, env)).toEqual([expect.stringContaining('ENABLE_SILENCE_DETECTION')]);
    expect(await warned('/streams', { ...backup, share: true }, env)).toBeUndefined();
    expect(await warned('/streams', { ...backup, failover_urls: [] }, env)).toBeUndefined();
    expect(await warned('/streams', { ...backup, enable_silence_detection: false }, env)).toBeUndefined();
  });

  it('takes a resolver that the guard refuses, and says that it will not be asked', async () => {
    const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'lan' });
    const resolver = { url: LIVE, failover_resolver_url: 'http://127.0.0.1:9/next' };
    for (const path of ['/streams', '/transcode']) {
      const { status, body } = await api.post(path, resolver);
      expect([status, body.warnings]).toEqual([200, [expect.stringContaining('failover_resolver_url')]]);
    }
  });

  it('makes no more than MAX_STREAMS', async () => {
    const api = await startApi({ MAX_STREAMS: '1' });
    expect((await api.post('/streams', { url: LIVE })).status).toBe(200);
    const { status, headers, body } = await api.post('/streams', { url: `${LIVE}?2` });
    expect(status).toBe(503);
    expect(body.detail).toContain('MAX_STREAMS');
    expect(headers['retry-after']).toBeDefined();
    expect((await api.post('/streams', { url: LIVE })).status).toBe(200);
  });
});

describe('POST /transcode', () => {
  it('answers with the profile as it will run', async () => {
    const api = await startApi();
    const { status, body } = await api.post('/transcode', {
      url: LIVE,
      profile: 'hq',
      profile_variables: { crf: 20 },
      metadata: { name: 'Seven' },
      headers: { 'X-Key': 'k' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      stream_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      primary_url: LIVE,
      failover_urls: [],
      stream_type: 'transcoded',
      stream_endpoint: `/stream/${body.stream_id}`,
      playlist_url: null,
      direct_url: `/stream/${body.stream_id}`,
      format: 'mpegts',
      profile: 'hq',
      profile_variables: { crf: '20', input_url: LIVE, output_args: 'pipe:1', format: 'mpegts' },
      metadata: { name: 'Seven' },
    });
    expect(body.ffmpeg_args).toEqual(expect.arrayContaining(['-i', LIVE, '-crf', '20']));
    const { stream } = (await api.get(`/streams/${body.stream_id}`)).body;
    expect(stream?.metadata).toMatchObject({ transcoding: 'true', profile: 'hq', name: 'Seven' });
    expect(stream?.stream_type).toBe('Transcoding');
  });

  it('uses the default profile, and shares by what the profile makes', async () => {
    const api = await startApi();
    const first = (await api.post('/transcode', { url: LIVE })).body;
    const same = (await api.post('/transcode', { url: LIVE, profile: 'default' })).body;
    const other = (await api.post('/transcode', { url: LIVE, profile_variables: { video_bitrate: '1M' } })).body;
    expect(first.profile).toBe('default');
    expect(same).toMatchObject({ stream_id: first.stream_id, existing: true });
    expect(other.stream_id).not.toBe(first.stream_id);
  });

  it('says with url_only whose profile holds', async () => {
    const api = await startApi({ STREAM_SHARING_STRATEGY: 'url_only' });
    const first = (await api.post('/transcode', { url: LIVE, profile: 'audio' })).body;
    const second = (await api.post('/transcode', { url: LIVE, profile: '1080p' })).body;
    expect(second).toMatchObject({ stream_id: first.stream_id, existing: true, profile: 'audio', format: 'adts' });
  });

  it('takes a template, and announces HLS only for one that makes HLS', async () => {
    const api = await startApi();
    const url = 'http://tv.example/x/master.m3u8';
    const ts = (await api.post('/transcode', { url, profile: '-i {input_url} -c copy -f mpegts {output_args}' })).body;
    expect(ts).toMatchObject({ profile: 'custom', format: 'mpegts', playlist_url: null });
    const hls = (await api.post('/transcode', { url, profile: '-i {input_url} -c copy -hls_time 2 -f hls index.m3u8' }))
      .body;
    expect(hls).toMatchObject({ format: 'hls', playlist_url: `/hls/${hls.stream_id}/playlist.m3u8` });
    expect(hls.stream_endpoint).toBe(hls.playlist_url);
    // One FFmpeg makes both, so it is one stream.
    expect(hls).toMatchObject({ stream_id: ts.stream_id, existing: true });
    expect(
      (await api.post('/transcode', { url, profile: '-i {input_url} -c copy -f mpegts {output_args}' })).body,
    ).toMatchObject({
      ...{ format: 'mpegts', playlist_url: null, stream_endpoint: `/stream/${ts.stream_id}` },
    });
  });

  it('says what of a template for HLS has no effect', async () => {
    const api = await startApi();
    const profile = (rest: string) => `-i {input_url} -c copy ${rest} -f hls index.m3u8`;
    const warnings = async (rest: string, url = LIVE) =>
      (await api.post('/transcode', { url, profile: profile(rest) })).body.warnings ?? [];
    expect(await warnings('-hls_time 2 -hls_list_size 30')).toEqual([]);
    expect(await warnings('-hls_time 6 -hls_segment_type fmp4 -hls_list_size 30', `${LIVE}?6`)).toEqual([
      '-hls_time 6 changes no segment: all have 2 s (HLS_SEGMENT_TIME).',
    ]);
    expect(await warnings('-hls_time 2 -hls_segment_type mpegts -hls_list_size 30', `${LIVE}?6`)).toEqual([
      'The playlist is as long as the one who created this stream first has said.',
      expect.stringContaining('A viewer gets the other one with container=ts or container=fmp4'),
    ]);
    expect(await warnings('-hls_time 2 -hls_list_size 5')).toEqual([
      'The playlist is as long as the one who created this stream first has said.',
    ]);
  });

  it('names the profiles there are when one is unknown', async () => {
    const api = await startApi();
    const { status, body } = await api.post('/transcode', { url: LIVE, profile: 'x' });
    expect(status).toBe(400);
    expect(body.detail).toBe(
      "Profile 'x' not found. Available profiles: default, hq, lowlatency, 720p, 1080p, hevc, audio",
    );
  });

  it.each([
    '-i {input_url} -i /etc/passwd -f mpegts {output_args}',
    '-i {input_url} -c copy -f mpegts /tmp/x.ts',
    '-i {input_url} -c copy -f tee {output_args}',
    '-i {input_url} -b:v {rate} -f mpegts {output_args}',
    '-i {input_url} -metadata "x -f mpegts {output_args}',
  ])('refuses the template %j', async (profile) => {
    const api = await startApi();
    const { status, body } = await api.post('/transcode', { url: LIVE, profile });
    expect([status, typeof body.detail]).toEqual([422, 'string']);
  });

  it('refuses a format that cannot be shared, and a page resolver that is switched off, missing or asked for too much', async () => {
    const api = await startApi({ STREAMLINK_ENABLED: 'false', YTDLP_PATH: 'no-such-yt-dlp' });
    expect((await api.post('/transcode', { url: LIVE, output_format: 'avi' })).status).toBe(422);
    const off = await api.post('/transcode', { url: LIVE, resolver: 'streamlink' });
    expect(off).toMatchObject({ status: 400, body: { detail: expect.stringContaining('STREAMLINK_ENABLED=false') } });
    const missing = await api.post('/transcode', { url: LIVE, resolver: 'ytdlp' });
    expect(missing).toMatchObject({ status: 503, body: { detail: expect.stringContaining('apt-get install yt-dlp') } });
    const there = await startApi({ YTDLP_PATH: process.execPath });
    const asks = (more: object) => there.post('/transcode', { url: LIVE, resolver: 'ytdlp', ...more });
    expect((await asks({ resolver_args: '--exec id' })).status).toBe(422);
    expect((await asks({ cookies: 'a=1' })).status).toBe(400);
    expect((await asks({ cookies_path: '/etc/passwd' })).body.detail).toMatch(/COOKIES_DIR/);
    expect((await asks({ url: 'http://169.254.169.254/' })).status).toBe(422);
    // Streamlink's schemes are for streamlink alone, and lead nowhere else.
    expect((await asks({ url: `dash://${LIVE}` })).status).toBe(422);
    expect((await there.post('/transcode', { url: `dash://${LIVE}` })).status).toBe(422);
    const link = await startApi({ STREAMLINK_PATH: process.execPath });
    const links = (url: string) => link.post('/transcode', { url, resolver: 'streamlink', resolver_args: '720p' });
    expect((await links('dash://http://169.254.169.254/')).status).toBe(422);
    expect((await links('dash://file:///etc/passwd')).status).toBe(422);
    expect((await links(`dash://${LIVE}`)).body).toMatchObject({ primary_url: LIVE, resolver_args: 'dash:// 720p' });
    const { status, body } = await asks({ cookies: '.tv.example\tTRUE\t/\tTRUE\t0\tid\tsecret\n' });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        stream_type: 'resolver',
        stream_endpoint: `/stream/${body.stream_id}`,
        playlist_url: null,
        format: 'mpegts',
        resolver: 'ytdlp',
        resolver_args: 'best',
        primary_url: LIVE,
      }),
    ]);
    // The same page asked for in another way has other media.
    const other = (await asks({ resolver_args: 'worst' })).body;
    expect(other.stream_id).not.toBe(body.stream_id);
    expect((await asks({ resolver_args: 'worst' })).body).toMatchObject({ stream_id: other.stream_id, existing: true });
    const { text } = await there.get('/streams');
    expect(text).not.toContain('secret');
    expect((await api.post('/transcode', { url: LIVE, resolver: 'other' })).status).toBe(422);
  });
});

describe('GET /transcode/profiles', () => {
  it('lists what can be chosen', async () => {
    const api = await startApi();
    const { body } = await api.get('/transcode/profiles');
    expect(body.profiles).toMatchObject(
      ['default', 'hq', 'lowlatency', '720p', '1080p', 'hevc', 'audio'].map((name) => ({ name })),
    );
    expect(body.hardware_acceleration).toEqual({ available: false, type: 'cpu' });
    expect(body.default_variables).toMatchObject({ video_bitrate: '2M', audio_bitrate: '128k', crf: '23' });
  });
});
