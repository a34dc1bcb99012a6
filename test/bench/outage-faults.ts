/** What a provider may do in the middle of a stream, and how it gets well again. */
import type { LiveSource } from '../support/live-source.ts';

export interface OutageFault {
  readonly name: string;
  readonly about: string;
  /** With a backup, or without one. */
  readonly cases: readonly ('backup' | 'alone')[];
  /** How long it lasts for streams without a backup; with one it lasts for good. 0: it is over at once, for both. */
  readonly lastsMs: number;
  /** It is over after that time with a backup, too. */
  readonly heals?: true;
  /** Begins on every channel. */
  readonly begin: (source: LiveSource) => Promise<void>;
  readonly end: (source: LiveSource) => Promise<void>;
}

const FOR_GOOD_MS = 3_600_000;
const BOTH = ['backup', 'alone'] as const;

async function everywhere(source: LiveSource, what: (channel: ReturnType<LiveSource['channel']>) => Promise<void>) {
  await Promise.all(source.paths.map((path) => what(source.channel(path))));
}

const nothing = async () => undefined;
const plays = (source: LiveSource) => everywhere(source, (channel) => channel.play());
/** New connections get another answer, and the open ones are cut. */
const answers = (how: (channel: ReturnType<LiveSource['channel']>) => Promise<void>) => (source: LiveSource) =>
  everywhere(source, async (channel) => {
    await how(channel);
    await channel.cutConnections();
  });
const stalls = (ms: number) => (source: LiveSource) => everywhere(source, (channel) => channel.stall(ms, 'lose'));
const sendsOnly = (what: 'nulls' | 'tables' | undefined) => (source: LiveSource) =>
  everywhere(source, (channel) => channel.sendOnly(what));

export const OUTAGE_FAULTS: readonly OutageFault[] = [
  {
    name: 'drop',
    about: 'drops the connection, takes the next',
    cases: BOTH,
    lastsMs: 0,
    begin: (source) => everywhere(source, (channel) => channel.cutConnections()),
    end: nothing,
  },
  {
    name: '503',
    about: 'drops it and answers 503',
    cases: BOTH,
    lastsMs: 15_000,
    begin: answers((channel) => channel.status(503)),
    end: plays,
  },
  {
    name: 'silent-15',
    about: 'is silent for 15 s',
    cases: BOTH,
    lastsMs: 15_000,
    heals: true,
    begin: stalls(15_000),
    end: nothing,
  },
  {
    name: 'silent',
    about: 'is silent for good, takes connections',
    cases: ['backup'],
    lastsMs: FOR_GOOD_MS,
    begin: stalls(FOR_GOOD_MS),
    end: nothing,
  },
  {
    name: 'silent-40',
    about: 'is silent for 40 s, takes connections',
    cases: ['alone'],
    lastsMs: 40_000,
    begin: stalls(40_000),
    end: nothing,
  },
  {
    name: 'nothing',
    about: 'drops it, answers 200 and sends nothing',
    cases: BOTH,
    lastsMs: 15_000,
    begin: answers((channel) => channel.hang('headers')),
    end: plays,
  },
  {
    name: 'nulls',
    about: 'sends only null packets',
    cases: BOTH,
    lastsMs: 15_000,
    begin: sendsOnly('nulls'),
    end: sendsOnly(undefined),
  },
  {
    name: 'tables',
    about: 'sends only PAT and PMT',
    cases: BOTH,
    lastsMs: 15_000,
    begin: sendsOnly('tables'),
    end: sendsOnly(undefined),
  },
  {
    name: 'no-answer',
    about: 'drops it, accepts and never answers',
    cases: BOTH,
    lastsMs: 15_000,
    begin: answers((channel) => channel.hang('request')),
    end: plays,
  },
  {
    name: 'refuse',
    about: 'drops it, refuses connections',
    cases: BOTH,
    lastsMs: 15_000,
    begin: async (source) => {
      await source.refuseTcp(true);
      await everywhere(source, (channel) => channel.cutConnections());
    },
    end: (source) => source.refuseTcp(false),
  },
  {
    name: 'reset',
    about: 'drops it, resets connections',
    cases: BOTH,
    lastsMs: 15_000,
    begin: answers((channel) => channel.act({ do: 'answer', answer: { kind: 'reset' } })),
    end: plays,
  },
];
