/** What each metric of a worker says, and the table of them in docs/metrics.md. */

import { METRICS, type MetricKey } from '../../../shared/metric-names.ts';

export interface Series {
  readonly kind: 'gauge' | 'counter' | 'histogram';
  /** One sentence or more, for the scrape and the docs. */
  readonly help: string;
  readonly labels?: readonly string[];
  /** When people want to see it. */
  readonly lookWhen?: string;
}

const gauge = (help: string, lookWhen?: string, labels?: readonly string[]): Series =>
  series('gauge', help, lookWhen, labels);
const counter = (help: string, lookWhen?: string, labels?: readonly string[]): Series =>
  series('counter', help, lookWhen, labels);
const histogram = (help: string, lookWhen?: string, labels?: readonly string[]): Series =>
  series('histogram', help, lookWhen, labels);

function series(kind: Series['kind'], help: string, lookWhen?: string, labels?: readonly string[]): Series {
  return { kind, help, ...(lookWhen === undefined ? {} : { lookWhen }), ...(labels === undefined ? {} : { labels }) };
}

export const SERIES: Readonly<Record<MetricKey, Series>> = {
  clients: gauge(
    'Viewers connected now. Of HLS sessions, which several workers serve, an even part of all in the cluster, so that the sum over the workers counts each once.',
    'you size workers; on AWS, scaling uses its average',
  ),
  hlsSessions: gauge(
    'HLS and DASH sessions that this worker serves now. The sum over the workers counts one on several workers several times.',
    'you want to know what of its viewers are HLS or DASH',
  ),
  hlsSegments: counter('Segments sent to viewers of HLS and DASH.', 'you compare HLS viewers with others'),
  hlsBlockedRequests: gauge(
    'HLS requests that wait: for the next segment or part, for a first playlist, for a segment that comes next.',
  ),
  hlsUpstreamRequests: counter(
    'Requests to providers of HLS and DASH. The owner of a source makes them for all.',
    'a provider complains',
  ),
  hlsCacheHits: counter(
    'Segments, maps and keys of HLS and DASH sources that a reader got without a request.',
    'you choose `HLS_CACHE_BYTES`',
  ),
  hlsSegmentsFetched: counter(
    'Media of HLS and DASH that came from another worker. That of sources comes from the owner of the source. Of segments made here it is what this worker joined too late for, or has cut otherwise.',
    'traffic between workers is high',
  ),
  processes: gauge('FFmpeg processes running now.', 'CPU is high'),
  processFeeds: gauge('Outputs of FFmpegs, made here or followed from another worker.'),
  sourceFeeds: gauge('Sources, read here or followed.', 'you count connections to providers'),
  relays: gauge('Other workers that follow a feed of this one, once for each feed.', 'traffic between workers is high'),
  egressBytes: counter('Bytes sent to viewers.', 'you look for what costs money'),
  relayBytes: counter('Bytes sent to other workers.', 'traffic between zones is billed'),
  cpuSeconds: counter('CPU seconds of the worker and its FFmpegs.'),
  ringBytes: gauge('Bytes of media held for viewers.', 'memory is high'),
  residentBytes: gauge('Bytes of memory of the worker itself, without its FFmpegs.', 'memory is high'),
  ffmpegRestarts: counter('FFmpegs started in place of one that died or hung.', 'pictures jump'),
  skips: counter('Times a viewer was too slow and skipped to a newer keyframe.', 'viewers complain about jumps'),
  stalls: counter('Viewers dropped because they took nothing.', 'viewers complain about ends'),
  errors: counter('5xx answers to viewers, and streams that failed under them.', 'always: alarm on it'),
  broadcasts: gauge(
    'Recordings and network channels that this worker makes now. `recording`: all is kept. `channel`: a window of the newest segments.',
    'you count what is recorded',
    ['kind'],
  ),
  broadcastBytes: counter('Bytes of media written for recordings and network channels.', 'a disk fills'),
  broadcastEnds: counter(
    'Programmes of recordings and network channels that are over. `ended`: their time is over. `stopped`: somebody has stopped them. `next_programme`: another one was started. `failed`: the source or the folder did.',
    'a recording is missing: alarm on `failed`',
    ['how'],
  ),
  broadcastWindowBytes: gauge('Bytes of memory that the windows of network channels take.', 'memory is high'),
  draining: gauge('1 while the worker takes nothing new, else 0.', 'a worker gets no viewers'),
  leaseHeld: gauge('1 while Redis has confirmed what the worker owns, else 0.', 'it is 0: Redis does not answer'),
  info: gauge(
    'Always 1. `revision` is that of the task definition, and empty outside ECS.',
    'a deployment is under way',
    ['version', 'worker', 'revision'],
  ),
  joins: counter(
    'Viewers who wanted to play. `ok`: they got their first byte. `full`: 503, because a limit is reached or every worker drains. `refused`: 4xx. `failed`: the stream did not play.',
    'viewers cannot begin',
    ['result'],
  ),
  joinSeconds: histogram(
    'From the request of a viewer to its first byte. `warm`: the worker had the stream. `relay`: another worker makes it. `cold`: its source had to be opened.',
    'channels change slowly',
    ['start'],
  ),
  takeovers: counter('Streams that this worker has gone on with because their owner was gone.', 'workers die'),
  takeoverGapSeconds: histogram('How long a stream that was taken over had no media.', 'workers die'),
  handovers: counter(
    'Streams that this worker has given to another one. `exact`: as in the event `handover`, or `unknown`.',
    'workers drain',
    ['exact'],
  ),
  handoverSeconds: histogram('How long a handover took. Viewers see media meanwhile.', 'drains are slow'),
  sourceBytes: counter(
    'Bytes of media and playlists from providers, without compression.',
    'you look for what the line carries',
  ),
  sourceLosses: counter(
    'Sources that broke while they were read; once for each outage. `reason` is that of the event `source_lost`.',
    'a provider is bad',
    ['reason'],
  ),
  sourceFailovers: counter(
    'How often this worker has moved streams to their next source; once for all streams of a source. `reason`: what was wrong with a source that still sent, such as `too_slow`; `failed` for one that broke; `manual`.',
    'a provider is bad',
    ['reason'],
  ),
  ffmpegStarts: counter('FFmpegs started.'),
  ffmpegExits: counter(
    'FFmpegs that have ended. `killed` is also the usual end, when nobody watches any more.',
    'pictures jump',
    ['cause'],
  ),
  ffmpegGapSeconds: histogram('How long a stream had no media when one FFmpeg replaced another.', 'pictures jump'),
  skippedSeconds: counter(
    'Seconds of media that viewers did not get because they were too slow.',
    'viewers complain about jumps',
  ),
  providerConnections: gauge(
    'Connections to a provider that this worker has taken. `provider` is its host. Hosts beyond the first 50 are `other`.',
    'a provider refuses',
    ['provider'],
  ),
  providerLimit: gauge(
    'How many there may be: `SOURCE_MAX_CONNECTIONS` for each account that this worker uses. Absent without a limit.',
    'a provider refuses',
    ['provider'],
  ),
  providerRefusals: counter(
    'Connections refused because of a limit: `SOURCE_MAX_CONNECTIONS`, or the provider with 401, 403, 429, 456, 458 or 509.',
    'a provider refuses',
    ['provider'],
  ),
  streamClients: gauge(
    'Viewers of a stream on all workers; only its owner shows them. Of direct streams that are not shared and of films, each worker shows its own. The 500 streams with the most viewers, the rest as `other`. `METRICS_PER_STREAM=false` leaves this and the next two out.',
    'you look for what is watched',
    ['stream', 'name'],
  ),
  streamBytes: counter('Bytes sent to those viewers.', 'you look for what costs money', ['stream', 'name']),
  streamSpeed: gauge(
    'Seconds of media that are made in a second. Below 1 viewers run out of media.',
    'pictures stand still',
    ['stream', 'name'],
  ),
  redisSeconds: histogram('From a command to the answer of Redis.', 'joins are slow'),
  redisErrors: counter('Commands that Redis has refused or not answered.', 'always: alarm on it'),
  leaseLosses: counter(
    'How often the lease ran out before Redis had confirmed it. Streams go on.',
    'always: alarm on it',
  ),
  events: counter(
    'Events of the cluster by type; see [the events](events.md). Every worker shows the same number, so take `max by (type)`, not the sum.',
    'you want to know what happens',
    ['type'],
  ),
  webhookDeliveries: counter(
    'Events that this worker has sent to webhooks. `failed`: given up after all retries. `missed`: no longer kept when it was their turn.',
    'a receiver says that it gets nothing',
    ['result'],
  ),
  consolePages: gauge('Pages of the console that look at this worker now; 50 at most.', 'a page is refused'),
  eventLoopP99Seconds: gauge(
    'By how much the worker itself is late, in 99 of 100 cases at most; over the last 10 s.',
    'CPU is high',
  ),
};

/** The metrics as Markdown. docs/metrics.md holds exactly this. */
export function metricsTable(): string {
  const rows = (Object.keys(SERIES) as MetricKey[]).map((key) => {
    const { kind, help, labels = [], lookWhen = '' } = SERIES[key];
    const name = labels.length === 0 ? METRICS[key] : `${METRICS[key]}{${labels.join(',')}}`;
    return `| \`${name}\` | ${kind} | ${help} | ${lookWhen} |`;
  });
  return ['| metric | kind | what it says | look at it when |', '|---|---|---|---|', ...rows].join('\n');
}
