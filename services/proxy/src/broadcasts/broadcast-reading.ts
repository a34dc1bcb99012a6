/**
 * What players and downloaders get of broadcasts on this worker: of those that it makes, of those in its stores, and of those that only
 * another worker has.
 */

import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Part } from '../upstream/messages/byte-range.ts';
import { type JoinedIndex, joinedIndex, type PlacedIndex } from './store/joined-index.ts';
import { type FileKind, segmentFile } from './store/names.ts';
import { indexesIn, newestIndex } from './store/reading.ts';
import { hasSubtitles, indexText, type RecordingIndex, readIndexes } from './store/recording-index.ts';
import { masterPlaylist, recordingPlaylist } from './store/recording-playlist.ts';
import type { RecordingStore } from './store/recording-store.ts';
import { EMPTY_VTT } from './subtitles/vtt-segment.ts';

export interface BroadcastReadingDeps {
  readonly stores: { readonly kept: RecordingStore; readonly window: RecordingStore };
  /** The index of one that this worker makes, for certain. */
  readonly made: (id: string) => RecordingIndex | undefined;
  readonly peers: () => readonly WorkerIdentity[];
  /**
   * How far its maker is, as the cluster is told, in a text that changes with it. Who has been answered by another worker, to a stop or with
   * a playlist, must not get less from this one. Undefined: that cannot be known in time.
   */
  readonly told: (id: string) => Promise<string | undefined>;
  /** Asks another worker for what it has: `indexes`, or `{epoch}/{name}`. Undefined: it has not, or does not answer. */
  readonly ask: (peer: WorkerIdentity, id: string, what: string) => Promise<Buffer | undefined>;
  readonly clock: Clock;
}

/** An index, and which worker has the media that it lists. Undefined: this one. */
type Found = JoinedIndex<WorkerIdentity | undefined>;

interface Kept {
  readonly atMs: number;
  /** What was told when the reading began. */
  readonly told: string | undefined;
  readonly found: Promise<Found | undefined>;
}

/** An index is read once for all who ask within this time, unless its maker has gone on. */
const KEPT_MS = 500;

export class BroadcastReading {
  readonly #deps: BroadcastReadingDeps;
  readonly #found = new Map<string, Kept>();

  constructor(deps: BroadcastReadingDeps) {
    this.#deps = deps;
  }

  /** The playlist of now, of its media or its subtitles. Undefined: no worker that answers has one. */
  async playlist(id: string, kind: FileKind = 'ts'): Promise<string | undefined> {
    const index = await this.index(id);
    if (index === undefined || (kind === 'vtt' && !hasSubtitles(index))) return undefined;
    return recordingPlaylist(index, kind);
  }

  /** Both of them together. Undefined: as `playlist`. */
  async master(id: string): Promise<string | undefined> {
    const index = await this.index(id);
    return index && masterPlaylist(index);
  }

  /** What the playlist of now lists. Undefined: as `playlist`. */
  async index(id: string): Promise<RecordingIndex | undefined> {
    return (await this.#find(id))?.index;
  }

  /**
   * What there is of a segment under a name. Undefined: it is not in the playlist.
   * @param part only these bytes of it. A bucket is asked for no more
   */
  async segment(id: string, name: string, part?: Part): Promise<Buffer | undefined> {
    const file = segmentFile(name);
    if (file === undefined) return undefined;
    const { n, kind } = file;
    const known = this.#made(id) ?? (await this.#kept(id)?.found);
    const found = known !== undefined && n < known.index.next ? known : await this.#find(id);
    if (found === undefined) return undefined;
    const { index, placeOf } = found;
    const segment = index.segments.find((each) => each.n === n);
    // Slow readers ask for what has left a window. Its worker has it still.
    const hasLeft = !index.order.kept && n < (index.segments[0]?.n ?? index.next);
    const epoch = segment?.epoch ?? (hasLeft ? index.epoch : undefined);
    if (epoch === undefined || (kind === 'vtt' && !hasSubtitles(index))) return undefined;
    if (kind === 'vtt' && segment !== undefined && segment.subtitled !== true) return Buffer.from(EMPTY_VTT);
    const peer = placeOf(n) ?? (hasLeft ? found.placeOf(index.next - 1) : undefined);
    const here = await this.#file(id, epoch, name, part);
    if (here !== undefined || peer === undefined) return here;
    const theirs = await this.#deps.ask(peer, id, `${epoch}/${name}`);
    return theirs?.subarray(part?.start, part?.end);
  }

  /** What is known of it, on all workers. Undefined: nothing. */
  async newest(id: string): Promise<RecordingIndex | undefined> {
    return (await this.#newest(id))?.index;
  }

  /** What another worker asks for. @param what as `ask` */
  async answer(id: string, what: string): Promise<Buffer | string | undefined> {
    if (what === 'indexes') {
      const indexes = await this.#here(id);
      return indexes.length === 0 ? undefined : `[${indexes.map(indexText).join(',')}]`;
    }
    const [epoch = '', name = ''] = what.split('/');
    return segmentFile(name) === undefined ? undefined : this.#file(id, Number(epoch), name);
  }

  /** It has changed: what was read of it does not count any more. */
  changed(id: string): void {
    this.#found.delete(id);
  }

  async #find(id: string): Promise<Found | undefined> {
    const made = this.#made(id);
    if (made !== undefined) return made;
    const told = await this.#deps.told(id);
    const known = this.#kept(id);
    if (known !== undefined && known.told === told) return known.found;
    const found = this.#newest(id);
    this.#found.set(id, { atMs: this.#deps.clock.monotonicMs(), told, found });
    return found;
  }

  /** One that this worker makes, all of it. */
  #made(id: string): Found | undefined {
    const index = this.#deps.made(id);
    return index !== undefined && this.#isWhole(index) ? { index, placeOf: () => undefined } : undefined;
  }

  /** What was read a short while ago. */
  #kept(id: string): Kept | undefined {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [each, { atMs }] of this.#found) if (nowMs - atMs >= KEPT_MS) this.#found.delete(each);
    return this.#found.get(id);
  }

  /** No other worker can have a part of it. */
  #isWhole({ order, segments }: RecordingIndex): boolean {
    return !order.kept || this.#deps.stores.kept.isShared || segments[0]?.n === 0;
  }

  /** Of all workers that have something the one counts that has written last. A shared folder needs no question. */
  async #newest(id: string): Promise<Found | undefined> {
    const { stores, peers, ask } = this.#deps;
    const here = await this.#here(id);
    const found: PlacedIndex<WorkerIdentity | undefined>[] = here.map((index) => ({ index, place: undefined }));
    const isAll = stores.kept.isShared && here.some(({ order }) => order.kept);
    if (!isAll) {
      const asked = peers().map(async (place) => {
        const text = await ask(place, id, 'indexes');
        const theirs = (text && readIndexes(text.toString())) ?? [];
        return theirs.filter((index) => index.id === id).map((index) => ({ index, place }));
      });
      found.push(...(await Promise.all(asked)).flat());
    }
    return joinedIndex(found);
  }

  async #here(id: string): Promise<RecordingIndex[]> {
    const { made, stores } = this.#deps;
    const { kept, window } = stores;
    const running = made(id) ?? (await newestIndex(window, id));
    if (running !== undefined && this.#isWhole(running)) return [running];
    const newest = kept.isShared ? [await newestIndex(kept, id)] : await indexesIn(kept, id);
    return [running, ...newest].filter((index) => index !== undefined);
  }

  async #file(id: string, epoch: number, name: string, part?: Part): Promise<Buffer | undefined> {
    const { kept, window } = this.#deps.stores;
    return (await window.read(id, epoch, name, part)) ?? kept.read(id, epoch, name, part);
  }
}
