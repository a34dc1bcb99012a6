/**
 * The soak's HLS viewers: one of MPEG-TS and one of fragmented MP4. Each request goes to another worker that is up, as behind a load
 * balancer. Each segment is read from all of them, and so is each part of those of fragmented MP4.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeTs, jumpsOf } from '../support/judge/index.ts';
import type { Ground, WorkerPlace } from './ground.ts';
import type { Journal } from './journal.ts';

export interface HlsAudienceDeps {
  readonly ground: Ground;
  readonly journal: Journal;
  readonly violate: (what: string) => void;
  /** Nobody knows the stream any more. */
  readonly onForgotten: () => void;
}

const CONTAINERS = ['ts', 'fmp4'] as const;
type Container = (typeof CONTAINERS)[number];

const RELOAD_MS = 250;
const REQUEST_MS = 10_000;
/** How far one worker may be behind another, in segments. */
const BEHIND = 2;
const JUDGED_AT_ONCE = 30;
const GAP_MS = 1_000;
const PACKET = 188;
/** From when on there must have been parts: the first segment of a stream has none, and those of others have left the playlist. */
const SEGMENTS_WITH_PARTS = 10;

/** What a playlist says of a segment. */
interface Listed {
  readonly n: number;
  readonly uri: string;
  readonly isGap: boolean;
  readonly isNew: boolean;
  /** Addresses of its parts, as long as they are listed. */
  readonly parts: readonly string[];
  /** The media of one of them is lost. */
  readonly lacksPart: boolean;
}

function listedIn(text: string): Listed[] {
  // What stands before the address of each segment.
  return [...text.matchAll(/((?:#.*\n)*)(segment\.\w+\?n=(\d+))\n/g)].map(([, tags = '', uri = '', n]) => {
    const parts = [...tags.matchAll(/#EXT-X-PART:.*URI="([^"]+)".*/g)];
    return {
      ...{ n: Number(n), uri, isGap: tags.includes('#EXT-X-GAP'), isNew: tags.includes('#EXT-X-DISCONTINUITY\n') },
      parts: parts.map(([, address = '']) => address),
      lacksPart: parts.some(([line]) => line.includes('GAP=YES')),
    };
  });
}

interface Segment {
  readonly n: number;
  readonly bytes: Buffer;
  readonly atMs: number;
}

export class HlsAudience {
  readonly #players: readonly HlsPlayer[];
  readonly #deps: HlsAudienceDeps;

  constructor(deps: HlsAudienceDeps) {
    this.#deps = deps;
    this.#players = CONTAINERS.map((container) => new HlsPlayer(container, deps));
  }

  /** Players that have got a playlist. */
  get count(): number {
    return this.#players.filter(({ playsSinceMs }) => playsSinceMs !== undefined).length;
  }

  /** For how long each of them has got no new segment, ms. */
  silentMs(): { readonly who: string; readonly ms: number }[] {
    const nowMs = Date.now();
    return this.#players.map(({ who, grownAtMs }) => ({ who, ms: nowMs - grownAtMs }));
  }

  /** @returns how many segments each of them has got */
  async leave(): Promise<string> {
    await Promise.all(this.#players.map((player) => player.leave()));
    const { ground } = this.#deps;
    // Sessions would stay for three of the longest segments.
    await ground.up()[0]?.worker.api.del(`/streams/${ground.hls.id}`);
    return this.#players
      .map(({ who, segments, parts }) => `${who}: ${segments} segments and ${parts} parts`)
      .join(', ');
  }
}

class HlsPlayer {
  readonly who: string;
  playsSinceMs: number | undefined;
  grownAtMs = Date.now();
  segments = 0;
  /** Of those, which were the same on another worker. */
  parts = 0;
  readonly #container: Container;
  readonly #deps: HlsAudienceDeps;
  readonly #playing: Promise<void>;
  #variant: string | undefined;
  #turn = 0;
  #next: number | undefined;
  #newest = 0;
  /** Without a discontinuity among them. */
  #run: Segment[] = [];
  #isOver = false;

  constructor(container: Container, deps: HlsAudienceDeps) {
    this.who = `the HLS viewer of ${container}`;
    this.#container = container;
    this.#deps = deps;
    this.#playing = this.#play();
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    await this.#playing;
    this.#judge(0);
    if (this.#container === 'fmp4' && this.segments > SEGMENTS_WITH_PARTS && this.parts === 0)
      this.#deps.violate(`${this.who}: none of ${this.segments} segments had parts`);
  }

  async #play(): Promise<void> {
    for (; !this.#isOver; await sleep(RELOAD_MS)) {
      try {
        await this.#reload();
      } catch (error) {
        this.#deps.violate(`${this.who}: ${error instanceof Error ? error.message : String(error)}`);
        return;
      }
    }
  }

  #place(): WorkerPlace | undefined {
    const places = this.#deps.ground.up();
    return places[this.#turn++ % places.length];
  }

  async #reload(): Promise<void> {
    const place = this.#place();
    if (place === undefined) return;
    if (this.#variant === undefined) {
      const path = `/hls/${this.#deps.ground.hls.id}/playlist.m3u8?container=${this.#container}&client_id=soak-${this.#container}`;
      const entry = (await this.#get(place, path))?.toString();
      const uri = entry?.split('\n').find((line) => line !== '' && !line.startsWith('#'));
      if (uri === undefined) return;
      const { pathname, search } = new URL(uri, `http://worker${path}`);
      this.#variant = pathname + search;
      return;
    }
    const text = (await this.#get(place, this.#variant))?.toString();
    if (text === undefined) return;
    this.playsSinceMs ??= Date.now();
    await this.#follow(text, place);
  }

  async #follow(text: string, place: WorkerPlace): Promise<void> {
    const entries = listedIn(text);
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) throw new Error(`a playlist without a segment:\n${text}`);
    if (entries.some(({ n }, at) => n !== first.n + at)) throw new Error(`the numbers have a hole:\n${text}`);
    const isParted = this.#deps.journal.mayDiffer(Date.now());
    if (last.n < this.#newest - BEHIND && !isParted)
      throw new Error(`${place.id} ends with ${last.n}, and there was ${this.#newest}`);
    this.#newest = Math.max(this.#newest, last.n);
    this.#next ??= last.n;
    if (first.n > this.#next) {
      const missedMs = Date.now() - this.grownAtMs;
      if (this.#deps.journal.allowedGap(Date.now(), missedMs, false).ms === 0)
        throw new Error(`${place.id} begins with ${first.n}, and ${this.#next} comes next`);
      this.#judge(0);
      this.#next = first.n;
    }
    for (const listed of entries) {
      const { n, isGap } = listed;
      if (n !== this.#next) continue;
      if (!isGap && !(await this.#take(listed, place))) return;
      if (isGap) this.#judge(0);
      this.#next = n + 1;
      this.grownAtMs = Date.now();
    }
  }

  async #take({ n, uri, isNew, parts, lacksPart }: Listed, place: WorkerPlace): Promise<boolean> {
    const bytes = await this.#get(place, this.#addressOf(uri));
    if (bytes === undefined) return false;
    await this.#compare(`segment ${n}`, uri, bytes, place);
    const inParts = await this.#partsOf(n, parts, place);
    if (inParts !== undefined && !lacksPart && !inParts.equals(bytes) && !this.#deps.journal.mayDiffer(Date.now()))
      throw new Error(`segment ${n} of ${place.id} has ${bytes.length} bytes, and its parts have ${inParts.length}`);
    if (isNew) this.#judge(0);
    this.#run.push({ n, bytes, atMs: Date.now() });
    this.segments++;
    if (this.#run.length > JUDGED_AT_ONCE) this.#judge(1);
    return true;
  }

  #addressOf(uri: string): string {
    const { pathname, search } = new URL(uri, `http://worker${this.#variant}`);
    return pathname + search;
  }

  /** @returns on how many other workers it is the same */
  async #compare(what: string, uri: string, bytes: Buffer, place: WorkerPlace): Promise<number> {
    let same = 0;
    for (const other of this.#deps.ground.up()) {
      const copy = other === place ? undefined : await this.#get(other, this.#addressOf(uri));
      if (copy?.equals(bytes)) same++;
      if (copy === undefined || copy.equals(bytes) || this.#deps.journal.mayDiffer(Date.now())) continue;
      const lengths = `${bytes.length} and ${copy.length} bytes`;
      throw new Error(`${what} is another one at ${place.id} and at ${other.id}: ${lengths}`);
    }
    return same;
  }

  /** The parts of a segment, one behind the other; undefined when there are none, or not all of them. */
  async #partsOf(n: number, uris: readonly string[], place: WorkerPlace): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (const uri of uris) {
      const bytes = await this.#get(place, this.#addressOf(uri));
      if (bytes === undefined) continue;
      parts.push(bytes);
      if ((await this.#compare(`part ${parts.length} of segment ${n}`, uri, bytes, place)) > 0) this.parts++;
    }
    return uris.length > 0 && parts.length === uris.length ? Buffer.concat(parts) : undefined;
  }

  /** @returns undefined when there is a reason for that */
  async #get(place: WorkerPlace, address: string): Promise<Buffer | undefined> {
    const { journal, onForgotten } = this.#deps;
    const { worker } = place;
    const askedAtMs = Date.now();
    try {
      const answer = await fetch(worker.url + address, { signal: AbortSignal.timeout(REQUEST_MS) });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 200) return bytes;
      const nowMs = Date.now();
      const isLost = answer.status === 404 && bytes.includes('not in the playlist');
      // Parts are listed for three target durations, and another worker may be further, or not so far.
      if (isLost && address.includes('&p=')) return undefined;
      if (isLost && journal.mayBeLost(nowMs)) return undefined;
      if (answer.status === 404 && !isLost && journal.mayBeForgotten(askedAtMs)) {
        this.#variant = undefined;
        onForgotten();
        return undefined;
      }
      const isExcused =
        journal.redisFailed(askedAtMs, nowMs) || journal.allowedGap(nowMs, nowMs - askedAtMs, false).ms > 0;
      if (answer.status >= 500 && isExcused) return undefined;
      throw new Error(`${place.id} answers ${answer.status} to ${address.replace(/-[0-9a-f]+/, '-…')}: ${bytes}`);
    } catch (error) {
      // A worker that ends, or stands still, does not answer.
      const isGone = place.worker !== worker || place.state !== 'up' || journal.mayBeGone(askedAtMs, Date.now());
      if (error instanceof Error && /fetch failed|terminated|aborted/.test(error.message) && isGone) return undefined;
      throw error;
    }
  }

  /** @param keep how many of its segments stay, so that what follows is judged with them */
  #judge(keep: number): void {
    const run = this.#run;
    this.#run = run.slice(run.length - keep);
    if (this.#container !== 'ts' || run.length === 0) return;
    const about = `segments ${run[0]?.n} to ${run.at(-1)?.n} of ${this.who}`;
    const ends: number[] = [];
    for (const { bytes } of run) ends.push((ends.at(-1) ?? 0) + bytes.length / PACKET);
    const verdict = judgeTs(Buffer.concat(run.map(({ bytes }) => bytes)), { gapMs: GAP_MS });
    for (const pid of verdict.pids) {
      const faults = [...pid.continuityErrors, ...pid.dtsBackSteps, ...pid.partialPes];
      if (faults.length > 0) this.#deps.violate(`${about}: ${pid.kind} ${JSON.stringify(faults.slice(0, 5))}`);
      for (const { gapMs, packetIndex } of jumpsOf(pid)) {
        const atMs = run[ends.findIndex((end) => packetIndex < end)]?.atMs ?? Date.now();
        const { ms } = this.#deps.journal.allowedGap(atMs, gapMs, false);
        if (gapMs > ms)
          this.#deps.violate(`${about}: a gap of ${gapMs.toFixed(0)} ms in ${pid.kind}; ${ms} ms allowed`);
      }
    }
  }
}
