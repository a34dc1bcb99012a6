/**
 * One HLS stream for all its viewers on this worker: what they ask for is asked of its source once. It goes on where the source
 * breaks: the last playlist is served for a while, then the next source takes over, and its numbers go on.
 */

import { systemClock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import type { Sealer } from '../../sealer.ts';
import { RequestRecovery } from '../failover/request-recovery.ts';
import type { RetrySettings } from '../failover/retry.ts';
import { type HlsReference, playlistKey } from '../playlists/hls-reference.ts';
import { type MediaFacts, mediaFacts, type Renumbering, renumbered } from '../playlists/media-playlist.ts';
import type { SwitchableSource } from '../provider/source-address.ts';
import { mayBeHlsByName } from '../provider/source-kind.ts';
import { type Agree, type Beginning, HlsNumbers } from './hls-numbers.ts';
import { type Directives, type HlsEntryText, HlsPlaylists, type MediaPlaylist } from './hls-playlists.ts';
import { NotHlsError } from './hls-requests.ts';
import type { HlsLease, OpenHls } from './hls-upstream.ts';
import type { Media } from './shared-media.ts';

export interface HlsSourceSettings extends RetrySettings {
  /** A live playlist that does not change for this long has stalled. */
  readonly liveChunkTimeoutMs: number;
}

export interface HlsSourceDeps {
  readonly streamId: string;
  readonly source: SwitchableSource;
  /** Whether a reload goes to where the last redirect led. */
  readonly isSticky: boolean;
  readonly settings: HlsSourceSettings;
  readonly open: OpenHls;
  readonly agree: Agree;
  readonly sealer: Sealer;
  readonly log: Pick<Logger, 'warn'>;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** The numbers of a new source begin so far behind the last one that a viewer has seen. */
const NUMBER_GAP = 10;
const STALLED_TARGETS = 3;
/** The status of a file that is not a part of it. */
const WHOLE = 200;

/** What is served of one of the stream's sources. */
interface Generation {
  readonly index: number;
  readonly url: string;
  readonly movedAtMs: number | undefined;
  readonly upstream: HlsLease;
  readonly playlists: HlsPlaylists;
  readonly numbers: HlsNumbers;
  /** By playlist: the newest text, and since when it is the newest. */
  readonly changes: Map<string, { readonly text: string; readonly sinceMs: number }>;
  /** The stream has moved to a source that is no HLS. */
  isOther: boolean;
}

/** The playlist of the segments that this worker makes itself of a source that is no HLS. @param directives by the numbers of these segments */
export type OwnPlaylist = (directives: Directives) => Promise<string>;
/** Among the playlists of such a source. */
const OWN = 'own';

export class HlsSource {
  readonly #deps: HlsSourceDeps;
  readonly #recovery: RequestRecovery;
  readonly #abort = new AbortController();
  #generation: Generation;
  /** Of the source before: players have its playlists still, and ask for what they name. */
  #before: Pick<HlsPlaylists, 'names'> | undefined;
  /** The last text of each playlist, of whatever source. */
  readonly #served = new Map<string, MediaPlaylist>();
  /** The highest number that a viewer has seen. */
  #highest = 0;
  /** How many discontinuities a viewer has seen. */
  #discontinuities = 0;
  #usedMs: number;
  #targetDurationMs = 0;
  #windowMs = 0;
  #blocked = 0;

  constructor(deps: HlsSourceDeps) {
    this.#deps = deps;
    const { source, log, settings, now } = deps;
    this.#usedMs = now();
    const { signal } = this.#abort;
    this.#recovery = new RequestRecovery({ source, settings, signal, clock: systemClock, log, now });
    this.#generation = this.#generationOf(undefined);
  }

  /** When somebody last asked for something, monotonic ms. */
  get usedMs(): number {
    return this.#usedMs;
  }

  /** The longest of its playlists'; 0: none has come. */
  get targetDurationMs(): number {
    return this.#targetDurationMs;
  }

  /** How long all segments of its newest playlist play; 0: none has come. */
  get windowMs(): number {
    return this.#windowMs;
  }

  /** Requests for a playlist that wait for what comes next. */
  get blockedRequests(): number {
    return this.#blocked;
  }

  /** The key of the source that it reads now. */
  get reads(): string {
    return this.#generation.upstream.name;
  }

  close(): void {
    this.#abort.abort();
    this.#generation.upstream.release(false);
  }

  /**
   * @throws {NotHlsError} when it is no HLS
   * @throws {StreampoolError} when it does not play: 502, 504, or 503 at the provider's limit
   */
  async entry(): Promise<HlsEntryText> {
    this.#usedMs = this.#deps.now();
    return this.#playing(({ playlists }) => playlists.entry(), undefined);
  }

  /**
   * A media playlist. In an outage it is the last one, until the outage has lasted too long.
   *
   * @param own what follows when the stream has moved to a source that is no HLS
   * @throws {NotHlsError} when it has been no HLS from the start
   * @throws {StreampoolError} when it does not play
   */
  async playlist(reference: HlsReference, directives: Directives, own: OwnPlaylist): Promise<MediaPlaylist> {
    this.#usedMs = this.#deps.now();
    const key = playlistKey(reference);
    const skips = directives._HLS_skip === undefined ? undefined : `${key} skip`;
    const waits = directives._HLS_msn === undefined ? 0 : 1;
    this.#blocked += waits;
    try {
      const playlist = await this.#playing(
        (generation) =>
          generation.isOther
            ? this.#made(own, directives, generation)
            : this.#fetched(reference, directives, generation),
        this.#newest(key, skips),
      );
      // Who did not ask for it cannot read what is left out in it.
      this.#served.set(isDelta(playlist) ? `${key} skip` : key, playlist);
      return playlist;
    } finally {
      this.#blocked -= waits;
    }
  }

  /**
   * A segment, part, map or key. Its body is to be closed.
   *
   * @throws {SourceError} with the provider's own status, or the reason why it does not come
   */
  async media(reference: HlsReference, range: string | undefined): Promise<Media> {
    this.#usedMs = this.#deps.now();
    const { url, headers, role } = reference;
    const generation = this.#current();
    if (generation.isOther) throw new StreampoolError(404, 'The stream has moved to another source.');
    // Whether it comes says nothing of the source of now.
    const isOld = this.#before?.names(url) === true && !generation.playlists.names(url);
    try {
      const media = await generation.upstream.media({ url, headers, range });
      if (role !== 'segment' || isOld) return media;
      this.#recovery.segmentsGoOn();
      return media.head.status === WHOLE ? counted(media, (bytes) => generation.playlists.came(url, bytes)) : media;
    } catch (error) {
      if (error instanceof SourceError && role === 'segment' && !isOld) {
        await this.#recovery.segmentFailed(error, generation.index);
      }
      throw error;
    }
  }

  /** The last answer that a viewer can read. @param skips where those are that leave something out, if it asks for one */
  #newest(key: string, skips: string | undefined): MediaPlaylist | undefined {
    const whole = this.#served.get(key);
    const delta = skips === undefined ? undefined : this.#served.get(skips);
    return delta !== undefined && delta.facts.next >= (whole?.facts.next ?? 0) ? delta : whole;
  }

  /** The first success of `attempt`, over retries and sources. @param last is the answer in an outage, while it is short */
  async #playing<T>(attempt: (generation: Generation) => Promise<T>, last: T | undefined): Promise<T> {
    for (;;) {
      const kept = this.#recovery.isShort ? last : undefined;
      if (kept !== undefined && this.#recovery.isUnderWay) return kept;
      const generation = this.#current();
      try {
        this.#recovery.throwIfFailed();
        const result = await attempt(generation);
        this.#recovery.succeeded();
        return result;
      } catch (error) {
        // The stream has left that source meanwhile.
        if (generation !== this.#current()) continue;
        const hasMoved = generation.movedAtMs !== undefined;
        // A stream cannot go on with the manifest of a backup.
        const isUseless = hasMoved && error instanceof NotHlsError && error.isDash;
        if (error instanceof NotHlsError && hasMoved && !isUseless && !generation.isOther) {
          generation.isOther = true;
          continue;
        }
        if (generation.isOther && error instanceof StreampoolError) {
          // Whoever makes the segments looks after the source.
          this.#recovery.failing();
          if (kept !== undefined) return kept;
        }
        if (generation.isOther || (error instanceof NotHlsError && !isUseless) || !(error instanceof SourceError)) {
          throw error;
        }
        const recovered = this.#recovery.recover(error, generation.index);
        if (kept === undefined) await recovered;
        // What it tries is for the next request.
        else recovered.catch(() => undefined);
        if (kept !== undefined) return kept;
      }
    }
  }

  /** Of the source that the stream is at by now. */
  #current(): Generation {
    const { index, address, movedAtMs } = this.#deps.source;
    const before = this.#generation;
    if (index === before.index && address.url === before.url && movedAtMs === before.movedAtMs) return before;
    before.upstream.release(true);
    this.#before = before.playlists;
    this.#generation = this.#generationOf(before);
    this.#recovery.segmentsGoOn();
    return this.#generation;
  }

  #generationOf(before: Generation | undefined): Generation {
    const { streamId, source, isSticky, open, agree, sealer, now } = this.#deps;
    const { address, index, movedAtMs } = source;
    const upstream = open(address);
    const { url } = address;
    const playlists = new HlsPlaylists({ streamId, url, isSticky, upstream, sealer, now });
    const offered = before === undefined ? undefined : this.#offered(before);
    const numbers = new HlsNumbers({ agree, movedAtMs, offered, wallMs: () => Date.now() });
    const isOther = movedAtMs !== undefined && !mayBeHlsByName(url);
    return { index, url, movedAtMs, upstream, playlists, numbers, changes: new Map(), isOther };
  }

  /** How the numbers go on, from what was served here. */
  #offered({ numbers }: Generation): Beginning | undefined {
    if (this.#served.size === 0) return undefined;
    return { from: this.#highest + NUMBER_GAP, earlier: Math.max(numbers.earlier, this.#discontinuities) + 1 };
  }

  async #fetched(reference: HlsReference, directives: Directives, generation: Generation): Promise<MediaPlaylist> {
    const { upstream, playlists, numbers } = generation;
    const { earlier, from } = await numbers.beginning();
    const meant = earlier === 0 ? reference : await this.#meant(reference, generation);
    const key = playlistKey(meant);
    const given = earlier === 0 ? directives : withOffset(directives, { from, offset: numbers.known(key) });
    const asked = upstream.isSingle ? {} : given;
    const { text, facts } = await playlists.playlist(meant, asked);
    const offset = await numbers.offset(key, facts.first);
    this.#note(facts, offset);
    await this.#leaveStalled(key, { text, facts }, generation);
    return this.#sent({ text, facts }, earlier, { offset, from });
  }

  /** As viewers get it. @param earlier how many discontinuities were before its source */
  #sent({ text, facts }: MediaPlaylist, earlier: number, by: Pick<Renumbering, 'offset' | 'from'>): MediaPlaylist {
    const shown = earlier === 0 ? text : renumbered(text, { ...by, discontinuities: earlier - 1 });
    const { discontinuities } = earlier === 0 ? facts : mediaFacts(shown);
    this.#discontinuities = Math.max(this.#discontinuities, discontinuities);
    return { text: shown, facts };
  }

  /** The numbers of segments that are made here, too, go on from those of the source before. */
  async #made(own: OwnPlaylist, directives: Directives, { numbers }: Generation): Promise<MediaPlaylist> {
    const { earlier, from } = await numbers.beginning();
    const text = await own(earlier === 0 ? directives : withOffset(directives, { from, offset: numbers.known(OWN) }));
    const facts = mediaFacts(text);
    const offset = await numbers.offset(OWN, facts.first);
    this.#note(facts, offset);
    return this.#sent({ text, facts }, earlier, { offset, from });
  }

  /** A playlist has come. @param offset what is added to its numbers */
  #note({ next, targetDurationMs, windowMs }: MediaFacts, offset: number): void {
    this.#highest = Math.max(this.#highest, next - 1 + offset);
    this.#targetDurationMs = Math.max(this.#targetDurationMs, targetDurationMs);
    this.#windowMs = windowMs;
  }

  /** What a reference of an earlier source means for this one. */
  async #meant(reference: HlsReference, { playlists }: Generation): Promise<HlsReference> {
    if (reference.child === undefined) return reference;
    const meant = await playlists.inPlaceOf(reference.child);
    if (meant !== undefined) return meant;
    throw new StreampoolError(404, 'The source that plays now has nothing in place of this playlist.');
  }

  /** A live playlist that answers and does not change has stalled. */
  async #leaveStalled(key: string, { text, facts }: MediaPlaylist, { index, changes }: Generation): Promise<void> {
    const { settings, now } = this.#deps;
    // What is left out in it is not what has changed.
    if (isDelta({ text })) return;
    const before = changes.get(key);
    if (before?.text !== text) changes.set(key, { text, sinceMs: now() });
    const limitMs = Math.max(STALLED_TARGETS * facts.targetDurationMs, settings.liveChunkTimeoutMs);
    if (before?.text !== text || facts.isOver || now() - before.sinceMs < limitMs) return;
    await this.#recovery.leave(index, 'playlist_stalled');
  }
}

function isDelta({ text }: Pick<MediaPlaylist, 'text'>): boolean {
  return text.includes('#EXT-X-SKIP:');
}

/** @param onWhole called with the length of a body that has been read to its end */
function counted({ head, body }: Media, onWhole: (bytes: number) => void): Media {
  let bytes = 0;
  const read = async () => {
    const chunk = await body.read();
    if (chunk === undefined) onWhole(bytes);
    else bytes += chunk.length;
    return chunk;
  };
  const ready = (maxBytes: number) => {
    const chunks = body.ready?.(maxBytes) ?? [];
    for (const { length } of chunks) bytes += length;
    return chunks;
  };
  const whole = (maxBytes: number) => {
    const all = body.whole?.(maxBytes);
    if (all !== undefined) onWhole(all.length);
    return all;
  };
  return { head, body: { read, ready, whole, close: () => body.close() } };
}

/**
 * A viewer names segments by the numbers that it has seen. One that has nothing of this source yet has nothing to wait for, and nothing
 * that could be left out for it.
 * @param from the first number of the source, as viewers see it
 * @param offset what was added to its numbers; undefined: nobody here has seen one
 */
function withOffset(
  directives: Directives,
  { from, offset }: { readonly from: number; readonly offset: number | undefined },
): Directives {
  const msn = Number(directives._HLS_msn);
  if (offset === undefined || !(msn >= from)) return {};
  return { ...directives, _HLS_msn: String(msn - offset) };
}
