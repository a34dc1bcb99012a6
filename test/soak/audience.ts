/** The soak's viewers: a dozen spread over the workers, each watching for a while and then replaced; every recording is judged. */
import { type Recording, type RecordingHandle, startRecording } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import type { Ground, SoakStream, WorkerPlace } from './ground.ts';
import type { HlsAudience } from './hls-audience.ts';

/** Why a viewer's end is in order though it did not leave. */
export type Excuse = 'killed' | 'terminated' | 'deleted';

export interface Viewer {
  readonly number: number;
  readonly worker: Worker;
  readonly workerId: string;
  readonly stream: SoakStream;
  readonly handle: RecordingHandle;
  readonly startedAtMs: number;
  readonly leavesAtMs: number;
  /** Does not replace anybody, and is not replaced. */
  readonly extra: boolean;
  excuse: Excuse | undefined;
  bytes: number;
  grownAtMs: number;
}

export interface AudienceDeps {
  readonly ground: Ground;
  readonly hls: HlsAudience;
  readonly size: number;
  readonly random: () => number;
  /** Called with each recording that is over. */
  readonly judge: (viewer: Viewer, recording: Recording) => void;
}

const TICK_MS = 100;
const SHORTEST_MS = 15_000;
const LONGEST_MS = 60_000;
/** A stream that is deleted ends elsewhere with the next renewal; a worker that stands still hears of it when it wakes. */
const DELETION_MS = 4_000;

export class Audience {
  readonly viewers = new Set<Viewer>();
  /** Recordings judged so far. */
  judged = 0;
  readonly #deps: AudienceDeps;
  readonly #timer: NodeJS.Timeout;
  readonly #deletedAtMs = new Map<string, number>();
  #count = 0;
  #calm = false;
  #left = false;

  constructor(deps: AudienceDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** While it is calm nobody comes or goes. */
  set calm(on: boolean) {
    this.#calm = on;
  }

  of(worker: Worker): Viewer[] {
    return [...this.viewers].filter((viewer) => viewer.worker === worker);
  }

  watching(stream: SoakStream): Viewer[] {
    return [...this.viewers].filter((viewer) => viewer.stream === stream);
  }

  get hls(): HlsAudience {
    return this.#deps.hls;
  }

  /** Viewers and HLS sessions of a stream. */
  countOf(stream: SoakStream): number {
    return this.watching(stream).length + (stream === this.#deps.ground.hls ? this.hls.count : 0);
  }

  join(place: WorkerPlace, stream: SoakStream, forMs: number, extra = false): Viewer {
    const nowMs = Date.now();
    const viewer: Viewer = {
      number: ++this.#count,
      worker: place.worker,
      workerId: place.id,
      stream,
      handle: startRecording(`${place.worker.url}/stream/${stream.id}`),
      startedAtMs: nowMs,
      leavesAtMs: nowMs + forMs,
      extra,
      excuse: this.#excuseOfNew(stream),
      bytes: 0,
      grownAtMs: nowMs,
    };
    this.viewers.add(viewer);
    void viewer.handle.done.then((recording) => {
      this.viewers.delete(viewer);
      this.judged++;
      this.#deps.judge(viewer, recording);
    });
    return viewer;
  }

  /** A worker is about to die, with its viewers. */
  excuse(worker: Worker, excuse: Excuse): void {
    for (const viewer of this.of(worker)) viewer.excuse ??= excuse;
  }

  /** A stream is about to be deleted; `again` when it exists once more. */
  deleting(stream: SoakStream): { again: () => void } {
    for (const viewer of this.watching(stream)) viewer.excuse ??= 'deleted';
    this.#deletedAtMs.set(stream.id, Number.POSITIVE_INFINITY);
    return { again: () => this.#deletedAtMs.set(stream.id, Date.now()) };
  }

  /** Everybody leaves. */
  async leave(): Promise<void> {
    this.#left = true;
    clearInterval(this.#timer);
    const leaving = [...this.viewers].map(({ handle }) => handle.stop());
    await Promise.all(leaving);
    await until(() => this.viewers.size === 0, { what: 'the last recording to be judged' });
    console.log(await this.hls.leave());
  }

  #excuseOfNew(stream: SoakStream): Excuse | undefined {
    const sinceMs = Date.now() - (this.#deletedAtMs.get(stream.id) ?? Number.NEGATIVE_INFINITY);
    return sinceMs < DELETION_MS ? 'deleted' : undefined;
  }

  #tick(): void {
    const nowMs = Date.now();
    for (const viewer of this.viewers) {
      if (viewer.handle.byteCount > viewer.bytes) {
        viewer.bytes = viewer.handle.byteCount;
        viewer.grownAtMs = nowMs;
      }
      if (nowMs >= viewer.leavesAtMs && !this.#calm) void viewer.handle.stop();
    }
    const seated = [...this.viewers].filter(({ extra }) => !extra).length;
    if (seated < this.#deps.size && !this.#left) this.#replace();
  }

  #replace(): void {
    const { ground, random } = this.#deps;
    const places = ground.up();
    const [place] = places.sort((a, b) => this.of(a.worker).length - this.of(b.worker).length);
    if (place === undefined) return;
    // The stream that has fewest for its weight, so that the cap is reached on the first one.
    const want = (stream: SoakStream) => this.watching(stream).length / stream.weight;
    const [stream] = [...ground.streams].sort((a, b) => want(a) - want(b));
    if (stream !== undefined) this.join(place, stream, SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS));
  }
}
