/** The pool's pure decisions: sharing, recovery, the watchdog, provider accounts. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import { Ring } from '../../../services/proxy/src/feed/ring.ts';
import { endSentence, nextStep, type Situation } from '../../../services/proxy/src/processes/recovery.ts';
import { entryForResume } from '../../../services/proxy/src/processes/run-entry.ts';
import { isHung, type Progress, picturesPause } from '../../../services/proxy/src/processes/watchdog.ts';
import {
  clientCap,
  directStreamId,
  type KeyParts,
  transcodedStreamId,
} from '../../../services/proxy/src/streams/stream-key.ts';
import {
  accountOf,
  mayBeConnectionLimit,
  ProviderConnections,
} from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import type { StreamProfile, WorkerRecord } from '../../../services/registry/types.ts';

describe('the sharing rule', () => {
  const profile: StreamProfile = {
    name: 'default',
    variables: {},
    args: [],
    inputOptions: [],
    outputOptions: ['-c:v', 'libx264', '-b:v', '2M'],
    container: 'mpegts',
    hls: false,
    video: 'encode',
    audio: 'encode',
  };
  const parts: KeyParts = { url: 'http://p/1.ts', headers: { Referer: 'x' }, userAgent: 'ua', profile };
  const other: [string, KeyParts, boolean][] = [
    ['another URL', { ...parts, url: 'http://p/2.ts' }, true],
    ['another header', { ...parts, headers: { Referer: 'y' } }, true],
    ['another user agent', { ...parts, userAgent: 'other' }, true],
    ['another bitrate', { ...parts, profile: { ...profile, outputOptions: ['-c:v', 'libx264', '-b:v', '3M'] } }, false],
    ['another container', { ...parts, profile: { ...profile, container: 'mp4' } }, false],
    ['another language of its sound', { ...parts, profile: { ...profile, audioLanguage: 'deu' } }, false],
    ['another input option', { ...parts, profile: { ...profile, inputOptions: ['-hwaccel', 'cuda'] } }, false],
  ];

  it.each(other)('separates streams by %s', (_name, changed, alsoByUrl) => {
    const differs = (strategy: 'url_profile' | 'url_only' | 'disabled') =>
      transcodedStreamId(strategy, changed) !== transcodedStreamId(strategy, parts);
    expect([differs('url_profile'), differs('disabled'), differs('url_only')]).toEqual([true, true, alsoByUrl]);
  });

  it('does not care how headers are ordered or spelled, or what a profile is called', () => {
    const a = { ...parts, headers: { Referer: 'x', Origin: 'o' } };
    const b = { ...parts, headers: { origin: 'o', referer: 'x' }, profile: { ...profile, name: 'custom' } };
    expect(transcodedStreamId('url_profile', a)).toBe(transcodedStreamId('url_profile', b));
  });

  it('keeps the id of a direct stream that clients compute themselves', () => {
    expect(directStreamId('a')).toBe('0cc175b9c0f1b6a831c399e269772661');
  });

  it.each([
    ['url_profile', true, 10, 10],
    ['url_only', true, 0, 0],
    ['disabled', true, 10, 1],
    ['url_profile', false, 10, 1],
  ] as const)('caps %s (pooling %s) of %d at %d', (strategy, pooling, max, cap) => {
    expect(clientCap(strategy, pooling, max)).toBe(cap);
  });
});

describe('recovery', () => {
  const killed = { code: null, signal: 'SIGKILL', reason: 'killed', detail: '' } as const;
  const base: Situation = {
    why: 'by_itself',
    exit: killed,
    sourceError: undefined,
    barrenRuns: 0,
    retryAttempts: 3,
    retryDelayMs: 1_000,
    canFailOver: false,
    isOver: false,
  };
  const refused = new SourceError('http_status', 'no', { upstreamStatus: 404 });
  const cases: [string, Partial<Situation>, object][] = [
    ['a run that played is restarted at once', {}, { kind: 'restart', delayMs: 0 }],
    ['a first failure, too', { barrenRuns: 1 }, { kind: 'restart', delayMs: 0 }],
    ['the next ones wait', { barrenRuns: 3 }, { kind: 'restart', delayMs: 2_000 }],
    ['and it is given up', { barrenRuns: 4 }, { kind: 'fail' }],
    [
      'or the next source is tried',
      { barrenRuns: 4, canFailOver: true },
      { kind: 'failover', reason: 'transcode_process_exited' },
    ],
    [
      'a source that failed leads to the next',
      { sourceError: refused, exit: undefined, canFailOver: true },
      { kind: 'failover', reason: 'transcode_start_error', status: 404 },
    ],
    ['or to the end', { sourceError: refused }, { kind: 'fail' }],
    ['an outage that is over gets no further run', { isOver: true }, { kind: 'fail' }],
    [
      'but the next source does',
      { isOver: true, canFailOver: true },
      { kind: 'failover', reason: 'transcode_process_exited' },
    ],
    [
      'wrong arguments are wrong everywhere',
      { exit: { ...killed, reason: 'bad_arguments' }, canFailOver: true },
      { kind: 'fail' },
    ],
    [
      'a source that ends again and again has ended',
      { exit: { ...killed, reason: 'source_ended' }, barrenRuns: 4 },
      { kind: 'end' },
    ],
    [
      'unless the worker ended its runs because they hung',
      { why: 'hung', exit: { ...killed, reason: 'source_ended' }, barrenRuns: 4 },
      { kind: 'fail' },
    ],
  ];
  it.each(cases)('%s', (_name, change, step) => {
    expect(nextStep({ ...base, ...change })).toEqual(step);
  });
});

describe('the log says how a run ended', () => {
  const ended = { exit: undefined, sourceError: undefined, addedMs: 0 };
  const gone = new SourceError('http_status', 'The source http://p/1.ts answered 404.', { upstreamStatus: 404 });
  const crashed = {
    code: 1,
    signal: null,
    reason: 'failed',
    detail: 'FFmpeg ended with code 1: no memory.',
  } as const;
  it.each([
    [
      { ...ended, why: 'by_itself', sourceError: gone },
      { kind: 'failover', reason: 'x' },
      'FFmpeg of BBC One ended: the source http://p/1.ts answered 404; the next source is tried',
    ],
    [
      { ...ended, why: 'not_opened', sourceError: gone },
      { kind: 'restart', delayMs: 2_000 },
      'FFmpeg of BBC One did not start: the source http://p/1.ts answered 404; another one starts in 2 s',
    ],
    [
      { ...ended, why: 'hung', exit: crashed },
      { kind: 'restart', delayMs: 0 },
      'FFmpeg of BBC One ended: FFmpeg ended with code 1: no memory; another one starts',
    ],
    [{ ...ended, why: 'by_itself' }, { kind: 'end' }, 'FFmpeg of BBC One ended; the stream has ended'],
    [{ ...ended, why: 'hung' }, { kind: 'fail' }, 'FFmpeg of BBC One ended; nothing else can be tried'],
  ] as const)('%#', (failed, step, sentence) => {
    expect(endSentence('FFmpeg', 'BBC One', failed, step)).toBe(sentence);
  });
});

describe('the watchdog', () => {
  const base: Progress = {
    nowMs: 100_000,
    startedMs: 0,
    streamTimeoutMs: 15_000,
    maxRunMs: 1_000_000,
    starvedMs: 0,
    pausedMs: 0,
    outputMs: 99_900,
    outputVideoMs: 99_900,
    outputAudioMs: 99_900,
    source: { videoMs: 99_900, audioMs: 99_900, videoIntervalMs: 40 },
  };
  const cases: [string, Partial<Progress>, RegExp | undefined][] = [
    ['all flows', {}, undefined],
    ['pictures stand still while sound flows', { outputVideoMs: 97_000 }, /sound without pictures/],
    [
      'the source has no pictures either',
      { outputVideoMs: 90_000, source: { videoMs: 90_000, audioMs: 99_900, videoIntervalMs: 40 } },
      undefined,
    ],
    ['the source has only just sent again after a silence', { outputVideoMs: 90_000, starvedMs: 99_000 }, undefined],
    ['FFmpeg has waited for a keyframe of the next source', { outputVideoMs: 96_000, pausedMs: 98_500 }, undefined],
    ['it has only just started', { outputVideoMs: 97_000, startedMs: 95_000 }, undefined],
    ['nothing comes out', { outputMs: 80_000 }, /no output for 15 s/],
    [
      'nothing comes out because nothing goes in',
      { outputMs: 80_000, source: { videoMs: 80_000, audioMs: undefined, videoIntervalMs: 40 } },
      undefined,
    ],
    ['nothing came in for long', { outputMs: 80_000, starvedMs: 99_000 }, undefined],
    ['FFmpeg opened the source itself', { source: undefined, outputMs: 80_000 }, /no output/],
    ['it is too old', { maxRunMs: 50_000 }, /maximum length that its clock allows/],
    [
      'audio only',
      { outputVideoMs: undefined, source: { videoMs: undefined, audioMs: 99_900, videoIntervalMs: 40 } },
      undefined,
    ],
  ];
  it.each(cases)('%s', (_name, change, why) => {
    const verdict = isHung({ ...base, ...change });
    if (why === undefined) expect(verdict).toBeUndefined();
    else expect(verdict).toMatch(why);
  });
});

describe('pictures pause in what FFmpeg reads', () => {
  it.each([
    [undefined, 40, true],
    [99_400, 40, true],
    [99_800, 40, false],
    // One picture in two seconds.
    [98_500, 2_000, false],
  ])('the newest at %s ms, one every %d ms: %s', (passedOnMs, intervalMs, pauses) => {
    expect(picturesPause(passedOnMs, intervalMs, 100_000)).toBe(pauses);
  });
});

describe('where a restarted FFmpeg begins to read', () => {
  const ring = new Ring({ retainMs: 60_000, joinBufferMs: 2_000, maxBytes: 1e9 });
  for (let n = 0; n < 10; n++) ring.mark(Buffer.alloc(0), 10_000 + n * 2_000);
  it.each([
    [15_000, 15_000, 14_000],
    [14_100, 15_000, 12_000],
    [15_000, 12_400, 10_000],
    [15_000, undefined, 14_000],
    [9_000, 9_000, 10_000],
  ])('pictures from %d ms, sound from %s ms: %d ms', (videoMs, audioMs, entryMs) => {
    const point = { videoPts: videoMs * 90, audioPts: audioMs === undefined ? undefined : audioMs * 90 };
    expect(entryForResume(ring, point)?.mediaMs).toBe(entryMs);
  });
});

describe('provider connections', () => {
  const at = (url: string, headers = {}) => ({ url, headers, userAgent: 'ua' });
  const alone = () => new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);

  it('tells accounts apart as a provider does', () => {
    const account = accountOf(at('http://p:8080/live/user/pass/1.ts'));
    expect(accountOf(at('http://p:8080/live/user/pass/2.ts'))).toBe(account);
    expect(accountOf(at('http://p:8080/live/other/pass/1.ts'))).not.toBe(account);
    expect(accountOf(at('http://q:8080/live/user/pass/1.ts'))).not.toBe(account);
    expect(accountOf(at('http://p/1.ts?token=a'))).not.toBe(accountOf(at('http://p/1.ts?token=b')));
  });

  it('knows what a full account looks like, and for how long a closed connection may still count', async () => {
    const address = { url: 'http://tv.example/live/me/secret/1.ts', headers: {}, userAgent: 'x' };
    const other = { ...address, url: 'http://tv.example/live/you/secret/1.ts' };
    const connections = new ProviderConnections({
      max: 1,
      registry: alone(),
      reclaim: async () => undefined,
      waitMs: 10,
    });
    const release = await connections.acquire('s', address);
    expect(mayBeConnectionLimit(await connections.acquire('s', address).catch((error: unknown) => error))).toBe(true);
    const mayPass = (waitedMs = 0) => [address, other].map((each) => connections.watch(each).refusalMayPass(waitedMs));
    expect(mayPass()).toEqual([false, false]);
    release();
    expect(mayPass(4_900)).toEqual([true, false]);
    expect(mayPass(5_000)).toEqual([false, false]);
    const answered = (upstreamStatus: number) => new SourceError('http_status', 'x', { upstreamStatus });
    expect([403, 458, 404, 500].map((code) => mayBeConnectionLimit(answered(code)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('stops at the limit, after asking for what is idle', async () => {
    const asked: string[] = [];
    let idle: (() => void) | undefined;
    const connections = new ProviderConnections({
      max: 1,
      registry: alone(),
      waitMs: 10,
      reclaim: async (account) => {
        asked.push(account);
        idle?.();
      },
    });
    const release = await connections.acquire('s', at('http://p/1.ts'));
    await expect(connections.acquire('s', at('http://p/2.ts'))).rejects.toMatchObject({
      status: 503,
      retryAfterSeconds: 5,
    });
    await connections.acquire('s', at('http://q/1.ts'));
    idle = release;
    await connections.acquire('s', at('http://p/2.ts'));
    release();
    await expect(connections.acquire('s', at('http://p/3.ts'))).rejects.toMatchObject({ status: 503 });
    expect(asked).toHaveLength(3);
  });

  it('does not wait for the end of what is idle, when the one that asks is that itself', async () => {
    const stop = new AbortController();
    const over: Promise<unknown>[] = [];
    const connections = new ProviderConnections({
      max: 1,
      registry: alone(),
      waitMs: 10,
      reclaim: async () => {
        stop.abort();
        await Promise.allSettled(over);
      },
    });
    await connections.acquire('s', at('http://p/1.ts'));
    over.push(connections.acquire('s', at('http://p/2.ts'), stop.signal));
    await expect(over[0]).rejects.toMatchObject({ reason: 'stopped' });
    over[0] = connections.watch(at('http://p/2.ts')).makeRoom(stop.signal);
    await over[0];
  });

  it('takes a film, a recording and a channel of one Xtream account for the same account', () => {
    const account = accountOf(at('http://p/live/user/pass/1.ts'));
    for (const path of [
      'movie/user/pass/9.mkv',
      'series/user/pass/9.mp4',
      'timeshift/user/pass/60/x/1.ts',
      'user/pass/1',
    ]) {
      expect(accountOf(at(`http://p/${path}`)), path).toBe(account);
    }
    expect(accountOf(at('http://p/movie/user/other/9.mkv'))).not.toBe(account);
    expect(accountOf(at('http://p/vod/films/9.mkv'))).not.toBe(accountOf(at('http://p/vod/series/9.mkv')));
  });

  it('lets a refusal pass for a moment while another connection is open, which its player may be about to close', () => {
    const connections = new ProviderConnections({ max: 0, registry: alone(), reclaim: async () => undefined });
    const watch = connections.watch(at('http://p/live/user/pass/1.ts'));
    const other = connections.watch(at('http://p/live/user/pass/2.ts'));
    expect(watch.refusalMayPass(0)).toBe(false);
    const closed = other.opened();
    expect([watch.refusalMayPass(1_000), watch.refusalMayPass(2_000)]).toEqual([true, false]);
    closed();
    expect(watch.refusalMayPass(2_000)).toBe(true);
  });

  it('ends what nobody watches when the provider refuses, and asks other workers for it, again only when that helped', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    let reclaimed: () => void = () => undefined;
    const ended: string[] = [];
    const sent: unknown[] = [];
    const registry = alone();
    // Only their number counts.
    const workers = [{}, {}] as WorkerRecord[];
    const connections = new ProviderConnections({
      max: 0,
      registry: {
        takeConnection: (...given) => registry.takeConnection(...given),
        returnConnection: (given) => registry.returnConnection(given),
        workers: async () => workers,
        send: async (command) => void sent.push(command),
      },
      reclaim: async (account) => {
        ended.push(account);
        reclaimed();
      },
    });
    const address = at('http://p/live/user/pass/1.ts');
    const account = accountOf(address);
    const watch = connections.watch(address);
    await watch.makeRoom();
    expect([ended, sent]).toEqual([[account], [{ kind: 'reclaim', account }]]);
    expect(watch.refusalMayPass(0)).toBe(true);
    vi.advanceTimersByTime(2_000);
    // It did not help: the refusal means something else, and nobody is asked again for a while.
    expect(watch.refusalMayPass(2_000)).toBe(false);
    await watch.makeRoom();
    expect([watch.refusalMayPass(0), ended.length, sent.length]).toEqual([false, 2, 1]);
    vi.advanceTimersByTime(8_001);
    await watch.makeRoom();
    expect([watch.refusalMayPass(0), sent.length]).toEqual([true, 2]);
    // It helped: whoever changes channels again is helped as well, though a connection of this worker is closed meanwhile.
    const close = watch.opened();
    close();
    const next = connections.watch(at('http://p/live/user/pass/2.ts'));
    await next.makeRoom();
    expect(sent).toHaveLength(3);
    // One that is closed here is room enough.
    const closeNext = next.opened();
    vi.advanceTimersByTime(1);
    reclaimed = closeNext;
    await watch.makeRoom();
    expect([sent.length, watch.refusalMayPass(2_000)]).toEqual([3, true]);
  });

  it('asks nobody where there is one worker', async () => {
    const connections = new ProviderConnections({ max: 0, registry: alone(), reclaim: async () => undefined });
    const watch = connections.watch(at('http://p/live/user/pass/1.ts'));
    await watch.makeRoom();
    expect(watch.refusalMayPass(0)).toBe(false);
  });

  it('waits at the limit for the connection that is about to be closed, and for no longer than its viewer does', async () => {
    const connections = new ProviderConnections({ max: 1, registry: alone(), reclaim: async () => undefined });
    const release = await connections.acquire('s', at('http://p/1.ts'));
    const next = connections.acquire('s', at('http://p/2.ts'));
    const gone = new AbortController();
    const left = connections.acquire('s', at('http://p/3.ts'), gone.signal);
    setTimeout(() => gone.abort(), 20);
    await expect(left).rejects.toMatchObject({ reason: 'stopped' });
    release();
    const releaseNext = await next;
    // The provider may not have noticed yet.
    expect(connections.watch(at('http://p/2.ts')).refusalMayPass(0)).toBe(true);
    const older: string[] = [];
    const third = connections.acquire('s', at('http://p/3.ts'), undefined, () => {
      older.push('ended');
      releaseNext();
    });
    await third;
    expect(older).toEqual(['ended']);
  });

  it('asks other workers for what is idle there, and waits for it; asks nobody without a limit', async () => {
    const told: unknown[] = [];
    let free = false;
    const registry = {
      takeConnection: async () => free,
      returnConnection: async () => undefined,
      workers: async () => [{}, {}] as never[],
      send: async (command: unknown) => {
        told.push(command);
        setTimeout(() => {
          free = true;
        }, 300);
      },
    };
    const startMs = performance.now();
    const address = at('http://p/live/user/pass/1.ts');
    await new ProviderConnections({ max: 1, registry, reclaim: async () => undefined }).acquire('s', address);
    expect(performance.now() - startMs).toBeGreaterThan(290);
    expect(told).toEqual([{ kind: 'reclaim', account: accountOf(address) }]);
    expect(JSON.stringify(told)).not.toMatch(/user|pass/);
    free = false;
    await new ProviderConnections({ max: 0, registry, reclaim: async () => undefined }).acquire('s', address);
    expect(told).toHaveLength(1);
  });
});
