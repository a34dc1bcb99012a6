/** Every word of the console in English; those of events stand beside it. Another language is another pair of files like these. */

import type { ShownEvent } from '../../../shared/console/live.ts';
import { because, duration } from '../../../shared/english/counting.ts';
import { reasonOf } from '../../../shared/english/event-sentences.ts';
import { milliseconds, sentenceOf, several, viewers } from './en-events.ts';
import { count } from './numbers.ts';
import { visible } from './visible.ts';

export const en = {
  language: 'English',
  title: 'Streampool',
  skip: 'Skip to the content',
  pages: {
    now: 'Now',
    streams: 'Streams',
    stream: 'Stream',
    viewers: 'Viewers',
    recordings: 'Recordings',
    cluster: 'Cluster',
    providers: 'Providers',
    events: 'Events',
    add: 'Add a stream',
    settings: 'Settings',
  },
  navigation: 'Pages',
  theme: { label: 'Colours', system: 'as the system', light: 'light', dark: 'dark' },
  logOut: 'Log out',
  copy: 'Copy',
  copied: 'Copied',
  unknown: 'unknown',
  search: 'any words',

  login: {
    heading: 'Log in',
    label: 'API token',
    hint: 'The value of API_TOKEN. It stays in this tab until you close it.',
    wrong: 'The worker does not accept this token.',
    button: 'Open the console',
  },
  missing: {
    heading: 'There is no such page',
    text: 'The address may be of another version.',
    link: 'Go to the first page',
  },

  connection: {
    opening: 'Connecting …',
    lost: (ms: number) => `No connection for ${duration(ms)}. What you see is from before.`,
    asking: (worker: string) => `Trying again; the last answer came from ${visible(worker)}.`,
    refused: (reason: string) => `The worker answers: ${visible(reason)}`,
    outage: (worker: string, ms: number) =>
      `Redis has not answered for ${duration(ms)}. You see only what ${visible(worker)} itself knows.`,
    servedBy: (worker: string, workers: number) =>
      workers > 1 ? `${visible(worker)}, one of ${count(workers)} workers` : visible(worker),
    version: (version: string) => `version ${visible(version)}`,
    newVersion: 'The worker has another version than this page.',
    notLoaded: 'This page could not be loaded. The worker may have another version by now.',
    reload: 'Load the page anew',
  },

  now: {
    heading: 'Now',
    viewers: 'viewers',
    playing: 'channels playing',
    playingOf: (streams: number) => `of ${count(streams)} created`,
    ffmpegs: 'FFmpegs',
    ffmpegsTitle: 'Programs that make one stream of another, such as a smaller picture',
    sharing: (sharing: number, ffmpegs: number, connections: number) =>
      sharing <= ffmpegs
        ? 'nobody shares one'
        : `${viewers(sharing)} ${sharing === 1 ? 'uses' : 'share'} ${several(ffmpegs, 'FFmpeg', 'FFmpegs')} and ${several(connections, 'connection', 'connections')}`,
    saved: 'FFmpegs saved',
    savedTitle: 'So many more would run if every viewer had one',
    connections: 'provider connections',
    out: 'Mbit/s out',
    in: (megabits: string) => `${megabits} Mbit/s in`,
    joins: 'joins in the last minute',
    failures: 'failures in the last hour',
    failuresLink: (failures: string) => `${failures} failures in the last hour: show them`,
    atLeast: (text: string) => `${text} or more`,
    streams: 'Playing now',
    columns: {
      name: 'Channel',
      viewers: 'Viewers',
      out: 'What goes out',
      speed: 'Speed',
      speedTitle: 'Seconds of media made in a second; below 1 viewers run out of media',
      source: 'Source',
      owner: 'Made by',
      since: 'Since',
    },
    direct: 'as it comes',
    primary: 'primary',
    backup: (n: number) => `backup ${count(n)}`,
    slow: 'too slow',
    restarts: (n: number) => several(n, 'restart', 'restarts'),
    eventsOf: (name: string) => `Events of ${name}`,
    onlyMost: (shown: number, all: number) => `The ${count(shown)} with the most viewers, of ${count(all)}.`,
    recent: 'Last events',
    allEvents: 'All events',
    noEvents: 'Nothing has happened yet.',
    loading: 'The worker is asked …',
    nobody: {
      heading: 'Nobody watches anything',
      text: (streams: number) => `${several(streams, 'stream waits', 'streams wait')} for the first viewer.`,
    },
    empty: {
      heading: 'There is nothing here yet',
      text: 'Three ways to begin:',
      demo: 'A demo. In a checkout of Streampool, this starts a worker with a channel that plays:',
      stream: 'One stream. The answer has its stream_id; play it at the second address:',
      list: 'A list of channels. m3u-editor manages it, and Streampool plays it. Start both with:',
      listHint: 'In m3u-editor, take this address for the proxy:',
    },
  },

  plots: {
    heading: 'The last hour',
    loading: 'The plots are loaded …',
    notLoaded: 'The plots are not there: load the page anew.',
    tooYoung: 'There is too little to plot yet. A worker measures every 10 s.',
    time: 'Time',
    from: (ms: number) => (ms === 60_000 ? 'The minute from' : `${count(ms / 60_000)} minutes from`),
    lastMinutes: 'The last ten minutes',
    rate: 'to each viewer',
    names: {
      viewers: 'Viewers',
      traffic: 'Mbit/s',
      ffmpegs: 'FFmpegs',
      joins: 'Joins in 10 s',
    },
    measures: {
      viewers: 'viewers',
      ffmpeg_processes: 'FFmpegs',
      in_mbits: 'in',
      out_mbits: 'out',
      between_mbits: 'between workers',
      joins: 'joins',
      failed_joins: 'failed joins',
    },
    measured: (what: string, last: string, least: string, most: string) =>
      `${what}: ${last} now, from ${least} to ${most}.`,
    counted: (what: string, sum: string, most: string) => `${what}: ${sum} in all, at most ${most} in 10 s.`,
    table: (name: string) => `${name} as a table`,
    marks: (all: number, takeovers = 0, handovers = 0, restarts = 0) =>
      all === 0
        ? 'No takeover, no handover and no restart in this time.'
        : `Upright lines are ${several(takeovers, 'takeover', 'takeovers')}, ${several(handovers, 'handover', 'handovers')} and ${several(restarts, 'restart', 'restarts')} of FFmpeg.`,
    moreMarks: (n: number) => `and ${count(n)} more`,
    missing: (names: string) => `Some numbers of ${names} are missing, and add nothing.`,
  },

  list: {
    failed: (reason: string) => `The list cannot be read${because(visible(reason))}.`,
    all: (total: number) => `${count(total)} in all`,
    some: (shown: number, total: number) => `${count(shown)} of ${count(total)}`,
    first: 'First page',
    next: 'Next page',
  },

  streams: {
    heading: 'Streams',
    search: 'Search',
    show: 'Show',
    sort: 'Sort by',
    filters: { all: 'all', playing: 'playing', failing: 'failures in the last hour', idle: 'idle' },
    sorts: { viewers: 'viewers', bitrate: 'bit rate', failures: 'failures', age: 'newest' },
    states: { playing: 'plays', waiting: 'waits for a viewer', idle: 'idle' },
    columns: {
      name: 'Channel',
      state: 'State',
      viewers: 'Viewers',
      bitrate: 'Mbit/s',
      bitrateTitle: 'What one viewer gets, over the last seconds',
      profile: 'Profile',
      profileTitle: 'What FFmpeg makes of it',
      source: 'Source',
      worker: 'Made by',
      failures: 'Failures',
      failuresTitle: 'In the last hour',
      created: 'Created',
    },
    failuresOf: (n: number, name: string) => `${several(n, 'failure', 'failures')} of ${name} in the last hour`,
    none: 'No stream has been created.',
    nothing: 'No stream is like that.',
  },

  stream: {
    heading: 'Stream',
    none: 'There is no such stream.',
    since: 'since',
    viewers,
    speed: (text: string) => `speed ${text}`,
    definition: 'What it is',
    sources: 'Sources',
    current: 'in use',
    resolver: 'The next source is asked for at',
    page: (program: string, asked: string) => `${program} finds the media of this page, and is asked for ${asked}.`,
    withCookies: 'It gets cookies.',
    found: 'It found',
    foundAnew: 'The address ends',
    failovers: (n: number) => (n > 0 ? `${several(n, 'failover', 'failovers')}, the last one` : 'Last moved'),
    showWhole: 'Show the whole addresses',
    hideWhole: 'Hide credentials',
    profile: 'Profile',
    arguments: 'What FFmpeg is told',
    comesIn: 'Comes in',
    goesOut: 'Goes out',
    buffer: 'Held of the source',
    silentFor: 'Nothing has come for',
    repairs: 'Jumps of its clock that were mended',
    lines: 'What FFmpeg has said last',
    type: 'Kind',
    types: {
      Transcoding: 'transcoded',
      HLS: 'HLS, passed on',
      DASH: 'DASH, passed on',
      VOD: 'a source with an end',
      'Live Continuous': 'live, passed on',
    } as Readonly<Record<string, string>>,
    id: 'Id',
    created: 'Created',
    connections: 'Connections to providers',
    served: 'To all viewers so far',
    errors: 'Errors so far',
    userAgent: 'User agent',
    header: (name: string) => `Header ${visible(name)}`,
    metadata: 'Metadata',
    slots: 'Shared processes',
    columns: {
      slot: 'Number',
      viewers: 'Viewers',
      worker: 'Made by',
      relays: 'Relayed by',
      relaysTitle: 'Workers that get it from that one, for their own viewers',
      owned: 'Owned since',
      ownedTitle: 'The epoch of its ownership, which is a time of Redis: each new owner has a later one',
    },
    epoch: (epoch: number) => `epoch ${epoch}`,
    noRelay: 'nobody',
    moreRelays: (n: number) => `and ${count(n)} more`,
    nobody: 'Nobody watches it.',
    allViewers: (n: number) => `All ${count(n)} viewers`,
    address: 'Address for a player',
    expires: 'It can start playback until',
    failOver: 'Fail over',
    failOverTo: 'To',
    nextSource: 'the next source',
    failOverMeans: (n: number) =>
      n === 0
        ? 'The next viewer gets the other source. All streams of the same sources move with it.'
        : `${viewers(n)} ${n === 1 ? 'stays' : 'stay'} connected and ${n === 1 ? 'sees' : 'see'} the other source. All streams of the same sources move with it.`,
    stop: 'Stop',
    stopMeans: (n: number) =>
      `The stream is deleted${n === 0 ? '' : `, and ${viewers(n)} ${n === 1 ? 'loses' : 'lose'} the connection`}. Its address plays nothing until somebody creates it again.`,
  },

  viewers: {
    heading: 'Viewers',
    search: 'Search',
    sorts: { since: 'newest', bitrate: 'bit rate', bytes: 'amount' },
    columns: {
      who: 'Who',
      what: 'Channel',
      player: 'Player',
      since: 'Since',
      worker: 'Worker',
      workerTitle: 'Who serves it; a viewer of HLS or DASH may be served by any, and this one has counted it',
      bitrate: 'Mbit/s',
      bitrateTitle: 'On average since it came',
      bytes: 'MB',
      skips: 'Skips',
      skipsTitle: 'How often it was too slow, and went on at a newer picture',
    },
    skips: (n: number) => several(n, 'skip', 'skips'),
    formats: { hls: 'HLS', dash: 'DASH' },
    console: 'console',
    consoleTitle: 'Somebody watches in the console',
    disconnect: 'Disconnect',
    disconnectWho: (who: string) => `Disconnect ${who}`,
    disconnecting: 'Disconnecting …',
    refused: 'Not possible now: try again',
    none: 'Nobody watches anything.',
    nothing: 'No viewer is like that.',
  },

  recordings: {
    heading: 'Recordings',
    kinds: { all: 'all', recording: 'recordings', channel: 'network channels' },
    filters: { all: 'all', running: 'running', ended: 'ended', failed: 'failed' },
    sorts: { age: 'newest', length: 'length', size: 'size' },
    states: {
      starting: 'begins',
      running: 'runs',
      stopping: 'is being ended',
      stopped: 'ended',
      failed: 'failed',
    },
    columns: {
      name: 'Name',
      state: 'State',
      stream: 'Stream',
      worker: 'Worker',
      workerTitle: 'The worker that makes it, or has made it last',
      started: 'Begun',
      length: 'Length',
      lengthTitle: 'How much there is of it',
      size: 'MB',
      segments: 'Segments',
      segmentsTitle: 'How many its playlist lists',
    },
    size: (mb: string) => `${mb} MB`,
    channel: 'network channel',
    channelTitle: 'It keeps its newest segments only',
    noStream: 'its stream was deleted',
    actions: 'Play, download, stop, delete',
    download: 'Download',
    downloadNamed: (name: string) => `Download ${name}`,
    playlist: 'Playlist',
    playlistNamed: (name: string) => `Playlist of ${name}`,
    playlistTitle: 'For a player of HLS',
    stop: 'Stop',
    stopNamed: (name: string) => `Stop ${name}`,
    stopMeans: 'The recording ends. What there is stays.',
    stopChannelMeans: 'The network channel ends, for all who play it. Its next start goes on.',
    remove: 'Delete',
    removeNamed: (name: string) => `Delete ${name}`,
    removeMeans: (length: string, mb: string, isRunning: boolean) =>
      `${isRunning ? 'The recording ends, and all' : 'All'} of it is removed: ${length}, ${mb} MB. It cannot be brought back.`,
    removeChannelMeans: 'The network channel ends, for all who play it, and is forgotten.',
    record: 'Record',
    recordMeans: 'It is recorded until somebody stops it, or for as long as you say. It needs no viewer.',
    name: 'Name',
    nameHint: 'that of the stream',
    minutes: 'Minutes',
    minutesHint: 'until it is stopped',
    none: 'Nothing has been recorded. The page of a stream has a button for it.',
    nothing: 'No recording is like that.',
  },

  cluster: {
    heading: 'Cluster',
    workers: 'Workers',
    columns: {
      name: 'Worker',
      state: 'State',
      viewers: 'Viewers',
      ffmpegs: 'FFmpegs',
      ffmpegsTitle: 'Programs that make one stream of another, such as a smaller picture',
      cpu: 'CPU',
      cpuTitle: 'Cores that the worker uses, without its FFmpegs',
      memory: 'MB of media',
      memoryTitle: 'Media that it holds in memory',
      connections: 'Sources',
      connectionsTitle: 'Connections to providers',
      started: 'Since',
    },
    picture: 'Who gets what from whom',
    summary: (workers: number, providers: number, relays: number) =>
      `${several(workers, 'worker', 'workers')}, ${several(providers, 'provider', 'providers')}, ${several(relays, 'relay', 'relays')} between workers. The table below says the same.`,
    viewers,
    ffmpegs: (n: number) => several(n, 'FFmpeg', 'FFmpegs'),
    ofCores: (cores: number) => ` / ${count(cores)}`,
    cpuOf: (cpu: string, cores: number | undefined) =>
      cores === undefined ? `CPU ${cpu}` : `CPU ${cpu} of ${count(cores)}`,
    memory: (mb: string, isShort: boolean) => (isShort ? `${mb} MB` : `${mb} MB of media`),
    connections: (n: number) => several(n, 'connection', 'connections'),
    relays: (inwards: number, outwards: number) =>
      inwards + outwards === 0 ? '' : `relays: ${count(inwards)} in, ${count(outwards)} out`,
    more: (n: number) => several(n, 'more worker', 'more workers'),
    unlisted: (n: number) => `And ${several(n, 'worker', 'workers')} more, which have the fewest viewers.`,
    moreProviders: (n: number) => several(n, 'more provider', 'more providers'),
    others: 'other workers',
    unmeasured: 'not measured',
    rate: (mbits: string) => `${mbits} Mbit/s`,
    curve: {
      source: (from: string, to: string, n: number, rate: string) =>
        `${to} reads ${several(n, 'source', 'sources')} from ${from}: ${rate}`,
      relay: (from: string, to: string, n: number, rate: string) =>
        `${to} relays ${several(n, 'feed', 'feeds')} from ${from}: ${rate}`,
      viewers: (from: string, n: string, rate: string) => `${from} serves ${n}: ${rate}`,
    },
    takeover: (n: number, name: string, gap: number | undefined, kept: number) => {
      const what = n === 1 && name !== '' ? name : several(n, 'feed', 'feeds');
      const without = gap === undefined ? '' : `${n === 1 ? '' : 'at most '}${milliseconds(gap)} without media, `;
      return `took ${what} over: ${without}${viewers(kept)} stayed`;
    },
    marked: (worker: string, mark: string) => `${worker} ${mark}.`,
    drain: {
      button: 'Drain',
      named: (worker: string) => `Drain ${worker}`,
      consequences: (worker: string, watching: number, ffmpegs: number, others: number) => {
        const first = `${worker} takes no new viewers and no new FFmpegs. It hands what it makes to other workers, and nobody notices that.`;
        const stay =
          watching === 0
            ? 'It has no viewers.'
            : `Its ${viewers(watching)} ${watching === 1 ? 'stays connected to it until it leaves by itself' : 'stay connected to it until they leave by themselves'}.`;
        const made = ffmpegs === 0 ? '' : ` ${several(ffmpegs, 'FFmpeg moves', 'FFmpegs move')}.`;
        const last = others > 0 ? '' : ' No other worker takes viewers, so this will be refused.';
        return `${first} ${stay}${made}${last}`;
      },
    },
    undrain: {
      button: 'Take viewers again',
      named: (worker: string) => `Let ${worker} take viewers again`,
      consequences: (worker: string) =>
        `${worker} takes new viewers from now on. What it has handed over stays where it is.`,
    },
    revision: (n: number) => `revision ${n}`,
    states: {
      serving: 'serves',
      draining: (reason: string, watching: number, ffmpegs: number) => {
        const left = [
          ...(watching > 0 ? [viewers(watching)] : []),
          ...(ffmpegs > 0 ? [several(ffmpegs, 'FFmpeg', 'FFmpegs')] : []),
        ];
        const progress = left.length === 0 ? 'nothing is left on it' : `${left.join(' and ')} left`;
        return `drains${because(reasonOf(visible(reason)))}; ${progress}`;
      },
      silent: (ms: number) => `silent for ${duration(ms)}`,
      gone: (reason: string, ms: number, lost: number) =>
        `gone for ${duration(ms)}${because(reasonOf(visible(reason)))}${lost > 0 ? `, ${viewers(lost)} lost their connection` : ''}`,
    },
    happened: 'What has happened to workers',
    allEvents: 'All events of workers',
  },

  confirm: {
    cancel: 'Cancel',
    refused: (reason: string) => `The worker refuses: ${reason}`,
    noAnswer: 'nobody answers. Try again.',
  },

  player: {
    play: 'Play',
    playNamed: (name: string) => `Play ${name}`,
    notLoaded: 'the player is not there: load the page anew',
    opening: 'Opening …',
    checking: 'Looking what it takes …',
    playing: 'Playing.',
    failed: (reason: string) =>
      `This browser cannot play it${because(visible(reason))}. A player such as VLC may: it takes the address.`,
    unknownCodecs: (names: string) => `it does not know ${names}`,
    alone: 'Each viewer of this stream has a connection to the provider of its own. Playing it here opens one more.',
    full: (limit: number, streams: string) =>
      `Playing it here needs one more connection to the provider. Its account allows ${count(limit)}, and all are in use${because(streams)}. The worker refuses until one is free.`,
    playAlone: 'Play all the same',
    noMediaSource: 'it has no Media Source Extensions',
    address: 'the address to play',
    close: 'Close',
  },

  events: {
    heading: 'Events',
    what: 'Show',
    all: 'everything',
    failures: 'failures',
    groups: { streams: 'streams', recordings: 'recordings', viewers: 'viewers', workers: 'workers' },
    ofStream: 'Only of one stream',
    ofWorker: (worker: string) => `Only of ${visible(worker)}`,
    one: 'One event',
    clear: 'Show all',
    columns: { time: 'Time', event: 'What happened', type: 'Type' },
    late: 'late',
    lateTitle: 'Redis was away: it was told of this afterwards',
    older: 'Older',
    newest: 'Newest',
    none: 'There is no such event, or it is no longer kept.',
    nothing: 'Nothing of this kind has happened.',
    loading: 'The events are read …',
    failed: (reason: string) => `The events cannot be read${because(visible(reason))}.`,
    missed: (n: number) => `${several(n, 'event is', 'events are')} no longer kept and missing here.`,
    fresh: (n: number) => several(n, 'new event', 'new events'),
    link: 'A link to this event',
    details: 'Details',
  },

  add: {
    heading: 'Add a stream',
    made: 'The stream is there',
    first: 'Test the source first. Nothing is created by that.',
    testing: 'The source is asked, and read for up to 3 s …',
    test: 'Test the source',
    create: 'Create the stream',
    createAnyway: 'Create it all the same',
    same: 'A command that does the same',
    fields: {
      url: 'URL of the source',
      urlHint: 'One channel, film or playlist, with http or https.',
      name: 'Name',
      nameHint: 'As lists and events show it. Without one they show the last part of the URL.',
      profile: 'Profile',
      direct: 'as it comes',
      directHint: 'The media is passed on unchanged, without FFmpeg.',
      usual: (value: string) => `Without a value: ${value}`,
      more: 'Backups, user agent and headers',
      backups: 'Backups',
      backupsHint: 'One URL a line; tried in this order when the source fails.',
      userAgent: 'User agent',
      userAgentHint: 'What the provider is told; without a value DEFAULT_USER_AGENT.',
      headers: 'Headers',
      headersHint: 'One a line, such as Referer: https://provider.example/',
      badHeader: (line: string) => `This is no header: ${line}. Write Name: value.`,
    },
    kinds: {
      mpegts: 'A live stream of MPEG-TS.',
      hls: 'HLS.',
      dash: 'DASH. It plays without a profile only.',
      file: 'A film, or another file with an end.',
      other: 'Media that FFmpeg has to open: choose a profile.',
    },
    read: (amount: string, isMegabytes: boolean, ms: number) =>
      `It sent ${amount} ${isMegabytes ? 'MB' : 'kB'} in ${milliseconds(ms)}.`,
    variants: (n: number, largest: string) =>
      `It has ${several(n, 'variant', 'variants')}${largest === '' ? '' : `, the largest ${largest}`}.`,
    media: (parts: string) => `${parts}. `,
    fps: (n: number) => `at ${n} fps`,
    size: (mb: string) => `It has ${mb} MB.`,
    list: (channels: number, names: string) =>
      `This is a list of channels, not one of them (${several(channels, 'channel', 'channels')}${names === '' ? '' : `, such as ${names}`}). Take the address of one channel from it, or give the list to m3u-editor, which manages lists and lets Streampool play them.`,
    playing: (streams: string) =>
      `The cluster reads this source already${because(streams)}. It was not asked again, and a further stream needs no second connection.`,
    full: (streams: string) =>
      `The provider's account is full, so the source was not asked: a further connection could end what plays${because(streams)}.`,
    failed: (reason: string) => `It does not play. ${reason}`,
    created: (name: string) => `${name} is there. It starts when somebody plays it.`,
    existed: 'There was such a stream already. It stays as it was created.',
    address: 'It plays at this address:',
    addressUntil: (time: string) => `It plays at this address, which expires at ${time}:`,
    another: 'Add another one',
  },

  providers: {
    heading: 'Providers',
    none: 'No provider is read, and none has refused anything in the last hour.',
    noneFound: 'No provider and no stream has this in its name.',
    search: 'Search',
    limited: (limit: number) =>
      `SOURCE_MAX_CONNECTIONS allows ${several(limit, 'connection', 'connections')} for each account, over all workers.`,
    unlimited: 'Nothing limits the connections. SOURCE_MAX_CONNECTIONS does; set it to what an account allows.',
    columns: {
      name: 'Provider',
      connections: 'Connections',
      streams: 'Used by',
      refused: 'Refused in the last hour',
      error: 'Last error',
    },
    account: (n: number | undefined) => (n === undefined ? '***' : `***, account ${count(n)}`),
    used: (used: number, limit: number) => `${count(used)} of ${count(limit)}`,
    full: 'full',
    more: (n: number) => several(n, 'more stream', 'more streams'),
    refusals: (n: number) => `${several(n, 'refusal', 'refusals')}: show the events`,
    noError: 'none in the last hour',
    onlyMost: (shown: number, all: number) => `The ${count(shown)} with the most connections, of ${count(all)}.`,
  },

  settings: {
    heading: 'Settings',
    failed: (reason: string) => `The settings cannot be read${because(visible(reason))}.`,
    warnings: 'Warnings',
    noWarnings: 'Nothing is wrong with how this worker is set.',
    worker: 'This worker',
    name: 'Name',
    version: 'Version',
    uptime: 'Runs for',
    ffmpeg: 'FFmpeg',
    ffmpegAt: (version: string, path: string) => `${visible(version)}, ${visible(path)}`,
    encoder: 'Encodes with',
    cpu: 'the CPU; no hardware is asked for',
    cpuBecause: (asked: string, reason: string) =>
      `the CPU, although HW_ACCEL_TYPE asks for ${visible(asked)}. ${visible(reason)}`,
    hardware: (type: string, device: string, hevc: boolean) =>
      `${visible(type)}${device === '' ? '' : `, ${visible(device)}`}; ${hevc ? 'H.264 and HEVC' : 'H.264 only'}`,
    settings: 'All settings',
    onlySet: 'Only what somebody has set',
    nothingSet: 'Nothing is set: all settings have their defaults.',
    none: 'none',
    columns: { name: 'Setting', value: 'Value', default: 'Default', source: 'From' },
    sources: { environment: 'environment', default: 'default' },
    notices: 'Libraries in these pages, and their licences',
  },

  /** What an event tells, as one sentence. One of a type that this page does not know yet is shown by its name. */
  event: (event: ShownEvent): string => sentenceOf(event),
  /** The name of a type of events, for a list of them. */
  eventType: (type: string): string => visible(type).replaceAll('_', ' '),
};

export type Words = typeof en;
