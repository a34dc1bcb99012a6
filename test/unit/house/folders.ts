/**
 * The folders of the services from the ground up: what each one is for, and which others its files may import. A folder uses only
 * what stands above it, so every arrow runs one way and nothing imports in a circle. `name/*` stands for all folders in `name`.
 */

export interface Folder {
  /** From the root of the project, or from services/proxy/src. A file at the top of services/proxy/src counts as a folder. */
  readonly name: string;
  /** Its one subject. */
  readonly subject: string;
  readonly uses: readonly string[];
}

export const PROXY = 'services/proxy/src';
/** A folder with more files than this holds a second subject. */
export const MAX_FILES = 15;

const row = (name: string, subject: string, uses = ''): Folder => ({
  name,
  subject,
  uses: uses.split(' ').filter(Boolean),
});

export const FOLDERS: readonly Folder[] = [
  // What more than one program uses.
  row('services/shared/masking', 'what nobody gets to read: credentials in URLs, headers and fields'),
  row(
    'services/shared',
    'what every program uses: the log, the clock, the version, the names of the metrics',
    'services/shared/masking',
  ),
  row('services/shared/console', 'what a worker tells the pages of the console, and the lists that people search'),
  row('services/shared/english', 'how English tells of events, for the console and the command'),
  row('services/shared/settings', 'how a setting is declared, checked and read', 'services/shared'),
  row(
    'services/registry/events',
    'the record of what has happened: its events, and how they are found',
    'services/shared services/shared/masking',
  ),
  row('services/registry/samples', 'the last hour of the workers in numbers'),
  row('services/registry/broadcasts', 'broadcasts as workers know them: what was asked for, and how far each is'),
  row(
    'services/registry',
    'what workers know together: the interface, its records and rules',
    'services/shared services/shared/console services/registry/broadcasts services/registry/events services/registry/samples',
  ),
  row(
    'services/registry/memory',
    'a registry in the memory of one worker',
    'services/shared services/registry services/registry/broadcasts services/registry/events services/registry/samples',
  ),
  row('services/registry/redis/broadcasts', 'broadcasts in Redis', 'services/registry services/registry/broadcasts'),
  row('services/registry/redis/counters', 'what viewers have got, until Redis knows', 'services/registry'),
  row(
    'services/registry/redis',
    'a registry in Redis',
    'services/shared services/shared/console services/registry services/registry/broadcasts services/registry/events services/registry/memory services/registry/redis/broadcasts services/registry/redis/counters services/registry/samples',
  ),
  row(
    'services/registry/resilient',
    'a registry that works on while Redis is away',
    'services/shared services/registry services/registry/broadcasts services/registry/events services/registry/memory services/registry/redis',
  ),

  // The ground of the worker.
  row('errors.ts', 'the errors that people get to read'),
  row('async.ts', 'what the platform lacks about promises', 'services/shared'),
  row(
    'visit.ts',
    'what is held for a viewer or another worker, until it has left',
    'services/shared errors.ts async.ts',
  ),
  row('sealer.ts', 'texts that only this cluster can make and read', 'errors.ts'),
  row('timing.ts', 'times that depend on each other: lease, renewals, relays, rings'),
  row(
    'config',
    'the settings of the worker',
    'services/shared/console services/shared/masking services/shared/settings',
  ),
  row('ecs', 'a worker as a task of Amazon ECS', 'services/shared services/registry async.ts'),

  // Media. It knows nothing of HTTP, Redis and other workers.
  row('mpegts/syntax', 'transport streams as the standard has them: packets, tables, headers'),
  row('mpegts/naming', 'the names of codecs, as players are told them', 'mpegts/syntax'),
  row('mpegts/reading', 'one input, read as whole units', 'mpegts/syntax'),
  row('mpegts/splicing', 'one output out of inputs that follow each other', 'mpegts/syntax mpegts/reading'),
  row('mpegts/segmenting', 'segments out of what a splicer has written: their units, sound and bytes', 'mpegts/syntax'),
  row('feed/containers/cmaf', 'fragmented mp4 out of pictures and frames of sound', 'mpegts/syntax mpegts/naming'),
  row(
    'feed/containers',
    'containers other than MPEG-TS, cut at fragments',
    'errors.ts mpegts/syntax feed/containers/cmaf',
  ),
  row('feed/marks', 'where the segments of a source begin, on every worker', 'mpegts/syntax mpegts/splicing'),
  row(
    'feed',
    'media in a ring, its readers, and how it goes on',
    'services/shared errors.ts mpegts/* feed/containers feed/marks',
  ),
  row(
    'feed/hls',
    'segments of a feed: what is in them, and the playlists',
    'services/shared mpegts/syntax mpegts/naming mpegts/segmenting feed/containers/cmaf feed/marks',
  ),

  // FFmpeg. It knows nothing of feeds, streams and providers.
  row('ffmpeg/values', 'the values of options: what they may be', 'errors.ts'),
  row('ffmpeg/filters', 'filter graphs: what they may hold', 'errors.ts ffmpeg/values'),
  row('ffmpeg/arguments', 'lists of options: what they may hold', 'errors.ts ffmpeg/values ffmpeg/filters'),
  row('ffmpeg/host', 'what this machine has for FFmpeg: the program, a sandbox, hardware', 'errors.ts'),
  row('ffmpeg/profiles', 'profiles: the built-in ones and those of callers', 'errors.ts ffmpeg/arguments ffmpeg/host'),
  row(
    'ffmpeg/process',
    'one FFmpeg: its command line, what it says, its end',
    'services/shared services/shared/masking ffmpeg/arguments ffmpeg/filters ffmpeg/host ffmpeg/profiles',
  ),

  row(
    'levels',
    'what sources sound and look like: measured by an FFmpeg, judged as each stream asks for it',
    'services/shared services/registry mpegts/syntax feed ffmpeg/host ffmpeg/process',
  ),

  // Providers.
  row('upstream/egress', 'where the worker may connect to', 'services/shared/settings errors.ts'),
  row('upstream/messages', 'heads and bodies of HTTP messages', 'services/shared services/shared/masking errors.ts'),
  row(
    'upstream/provider',
    'what is known of a source without asking it: address, kind, account',
    'services/shared services/shared/masking services/registry errors.ts async.ts',
  ),
  row(
    'upstream/http',
    'one request to a provider',
    'services/shared services/shared/masking errors.ts async.ts upstream/egress upstream/messages upstream/provider',
  ),
  row(
    'upstream/failover',
    'when a source is tried again, and when it is left',
    'services/shared services/shared/masking services/registry errors.ts async.ts mpegts/* upstream/egress upstream/http upstream/messages upstream/provider',
  ),
  row(
    'upstream/direct',
    'streams that are passed on, one connection a viewer',
    'services/shared services/shared/masking errors.ts mpegts/syntax upstream/egress upstream/failover upstream/http upstream/messages upstream/provider',
  ),
  row(
    'upstream/playlists',
    'playlists of providers as texts: what they say and name',
    'errors.ts sealer.ts upstream/messages',
  ),
  row('upstream/manifests', 'manifests of DASH as texts: what they say and name', 'errors.ts'),
  row(
    'upstream/hls',
    'HLS sources that are passed on, asked once for all viewers',
    'services/shared services/shared/masking services/registry errors.ts sealer.ts upstream/egress upstream/failover upstream/http upstream/messages upstream/provider upstream/playlists upstream/manifests',
  ),
  row(
    'upstream/dash',
    'DASH sources that are passed on, asked as HLS is',
    'services/shared errors.ts sealer.ts upstream/failover upstream/provider upstream/playlists upstream/manifests upstream/hls',
  ),
  row(
    'upstream/gateway',
    'the way to a provider for an FFmpeg that opens its input itself',
    'services/shared services/shared/masking errors.ts sealer.ts upstream/egress upstream/hls upstream/http upstream/messages upstream/playlists upstream/provider',
  ),

  row(
    'page-resolvers',
    'programs that find the media of a web page: what they may be asked, how they run, what they answer',
    'services/shared/masking errors.ts ffmpeg/host upstream/egress upstream/gateway upstream/provider',
  ),

  // Who makes what, for whom.
  row(
    'relay',
    'what goes between workers: one protocol, both sides of it',
    'services/shared services/registry services/registry/resilient timing.ts visit.ts errors.ts async.ts mpegts/syntax mpegts/reading feed feed/hls feed/marks',
  ),
  row(
    'cluster',
    'who else there is',
    'services/shared services/shared/masking services/registry services/registry/* config timing.ts errors.ts ecs relay',
  ),
  row(
    'ownership',
    'which worker makes a feed',
    'services/shared services/registry timing.ts async.ts ecs feed feed/hls relay',
  ),
  row(
    'events',
    'what feeds tell of themselves, and what is new in the record of events, for those who read along',
    'services/shared services/shared/masking services/registry services/registry/events errors.ts feed ownership',
  ),
  row(
    'webhooks',
    'events as requests to addresses that want them: one worker sends them for all',
    'services/shared services/shared/masking services/registry services/registry/events errors.ts async.ts upstream/* events',
  ),
  row(
    'segments/media',
    'which segments a worker has, and their media: cut from the feed here, or fetched from another worker',
    'services/shared services/registry timing.ts mpegts/syntax feed feed/hls feed/marks ownership relay',
  ),
  row(
    'segments',
    'the segments of a process feed: cut here, the same on every worker',
    'services/shared services/registry timing.ts errors.ts async.ts mpegts/syntax mpegts/segmenting feed feed/hls feed/marks ownership relay segments/media',
  ),
  row(
    'sources',
    'one connection to a provider for all who read it',
    'services/shared services/shared/masking services/registry errors.ts async.ts mpegts/* feed feed/marks upstream/* relay ownership events',
  ),
  row(
    'sources/hls',
    'HLS sources: one worker asks the provider for all',
    'services/shared services/registry errors.ts async.ts upstream/hls upstream/provider relay ownership',
  ),
  row(
    'streams',
    'what was created, and where its media comes from',
    'services/shared services/shared/masking services/registry errors.ts ffmpeg/* upstream/*',
  ),
  row(
    'processes/output',
    'what is done with the output of runs: how fast it flows, where its segments begin, and what is told of it',
    'services/shared services/registry async.ts mpegts/syntax feed feed/marks ffmpeg/process ffmpeg/profiles relay segments sources',
  ),
  row(
    'processes',
    'what FFmpeg makes of a stream, run after run',
    'services/shared services/shared/masking services/registry services/registry/events errors.ts async.ts mpegts/* feed feed/containers feed/hls feed/marks levels ffmpeg/* upstream/* relay ownership events segments sources streams processes/output',
  ),
  row(
    'films',
    'sources with an end: one FFmpeg for one viewer, and what it gets by HLS',
    'services/shared services/registry timing.ts visit.ts errors.ts async.ts mpegts/syntax feed feed/hls feed/marks ffmpeg/* upstream/* relay segments/media segments processes',
  ),
  row(
    'viewers',
    'who watches, and what each one gets',
    'services/shared services/registry visit.ts errors.ts async.ts mpegts/* feed feed/hls ffmpeg/* upstream/* ownership segments streams processes films',
  ),
  row(
    'viewers/sessions',
    'HLS viewers: many requests of one, on any worker',
    'services/shared services/registry errors.ts sealer.ts segments processes films viewers',
  ),
  row(
    'broadcasts/store',
    'where recordings are kept: segments, and the index that says which there are',
    'services/registry services/registry/broadcasts feed/hls upstream/messages',
  ),
  row(
    'broadcasts/subtitles',
    'subtitles of a broadcast: a file that is cut as its segments are',
    'services/shared services/shared/masking services/registry/broadcasts errors.ts async.ts mpegts/segmenting mpegts/syntax feed/hls upstream/egress upstream/http',
  ),
  row(
    'broadcasts',
    'recordings and network channels: a feed cut into segments that are kept',
    'services/shared services/shared/masking services/registry services/registry/broadcasts errors.ts async.ts feed feed/hls upstream/egress upstream/http relay ownership streams processes ffmpeg/process films broadcasts/store broadcasts/subtitles upstream/messages',
  ),
  row(
    'metrics',
    'the numbers that are scraped of a worker',
    'services/shared services/registry services/registry/events services/registry/samples errors.ts cluster ownership ffmpeg/process upstream/http upstream/provider sources/hls processes films viewers viewers/sessions webhooks broadcasts',
  ),
  row(
    'worker',
    'the parts put together, and what the worker is told to do',
    'services/shared services/registry services/registry/events timing.ts errors.ts async.ts sealer.ts broadcasts broadcasts/store broadcasts/subtitles config events ecs feed levels ffmpeg/* upstream/* page-resolvers relay cluster ownership sources sources/hls streams processes films viewers viewers/sessions webhooks metrics',
  ),

  // The API.
  row(
    'api/http',
    'what holds for every route',
    'services/shared services/shared/masking services/registry errors.ts broadcasts/store config upstream/*',
  ),
  row(
    'api/access',
    'who may ask and who may play',
    'services/shared services/registry errors.ts config upstream/* worker api/http',
  ),
  row(
    'api/views',
    'how streams and clients are shown',
    'services/shared services/shared/masking services/registry services/registry/events upstream/* worker api/http',
  ),
  row(
    'api/console/counts',
    'what is read and counted for pages while somebody looks',
    'services/shared services/shared/console services/shared/masking services/registry services/registry/events events worker api/views',
  ),
  row(
    'api/console',
    'the console: its files, and what its pages are told',
    'services/shared services/shared/console services/shared/masking services/registry services/registry/events services/registry/samples timing.ts async.ts errors.ts config ecs page-resolvers worker api/http api/views api/console/counts',
  ),
  row(
    'api/lists',
    'lists that people search and page through: streams and viewers',
    'services/shared services/shared/console services/registry errors.ts worker api/http api/views api/console/counts',
  ),
  row(
    'api/streams',
    'routes of streams and their clients',
    'services/shared services/shared/masking services/registry services/registry/events errors.ts mpegts/syntax upstream/* streams viewers viewers/sessions worker api/http api/access api/views api/lists',
  ),
  row(
    'api/broadcasts',
    'routes of recordings and network channels',
    'services/shared services/shared/console services/registry services/registry/broadcasts errors.ts upstream/messages broadcasts broadcasts/store worker api/http api/access api/views api/lists api/console/counts',
  ),
  row(
    'api/playback',
    'routes that players open',
    'services/registry visit.ts errors.ts config events feed feed/hls feed/containers/cmaf ffmpeg/* upstream/* segments streams films viewers viewers/sessions worker api/http api/access api/streams',
  ),
  row(
    'api/playback/dash',
    'routes that players of DASH open',
    'services/registry errors.ts upstream/* viewers/sessions worker api/http api/playback',
  ),
  row(
    'api/status',
    'routes that show how the cluster is',
    'services/shared services/shared/masking services/registry services/registry/broadcasts services/registry/events services/registry/samples errors.ts config ffmpeg/* ownership segments webhooks worker api/http api/views api/lists',
  ),
  row('api', 'the server, and which routes there are', 'errors.ts worker api/*'),
  row('main.ts', 'start and end of the program', 'services/shared services/shared/masking errors.ts config worker api'),

  // What runs in a browser, and the other program. `**`: with all folders in it.
  row('services/console/**', 'the pages of the console', 'services/shared/console services/shared/english'),
  // The command: it knows a cluster by its API alone.
  row(
    'services/cli/src',
    'the command `streampool`: what it asks a cluster, and how it shows that',
    'services/shared services/shared/english',
  ),
  row(
    'services/admin-lambda/**',
    'the admin API',
    'services/shared services/shared/masking services/shared/settings services/registry services/registry/broadcasts services/registry/redis config',
  ),
];
