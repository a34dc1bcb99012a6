/** One run of the soak: begins troubles, and stops at the first thing that is not as it should be, with all there is to say of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recording } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { Audience, type Viewer } from './audience.ts';
import { begin } from './faults.ts';
import type { Ground, SoakStream } from './ground.ts';
import { HlsAudience } from './hls-audience.ts';
import { expectCalm, nameOf, wrongRecording } from './invariants.ts';
import { Journal } from './journal.ts';
import { FAULTS, type SoakEvent } from './schedule.ts';

const VIEWERS = 12;
const WARM_UP_MS = 6_000;
/** What the logs of the workers are shown of, around a violation. */
const BEFORE_MS = 20_000;
const KEPT_IN = join(import.meta.dirname, '..', '..', '.cache', 'soak');

export class Soak {
  readonly ground: Ground;
  readonly audience: Audience;
  readonly #journal: Journal;
  readonly #underway = new Set<Promise<void>>();
  /** Streams that nobody knew any more, while they are created again. */
  readonly #forgotten = new Set<SoakStream>();
  #violation: { what: string; aroundMs: number } | undefined;
  #stop: (error: Error) => void = () => undefined;
  readonly #stopped: Promise<never>;

  constructor(ground: Ground, seed: number, random: () => number) {
    this.ground = ground;
    this.#journal = new Journal(seed);
    this.#stopped = new Promise((_, reject) => {
      this.#stop = reject;
    });
    this.#stopped.catch(() => undefined);
    const hls = new HlsAudience({
      ground,
      journal: this.#journal,
      violate: (what) => this.#violate(what, Date.now()),
      onForgotten: () => this.#createAgain(ground.hls),
    });
    this.audience = new Audience({ ground, hls, size: VIEWERS, random, judge: (...over) => this.#judge(...over) });
  }

  /** All of a schedule, until everybody has left. */
  async play(events: readonly SoakEvent[]): Promise<void> {
    await this.go(() => sleep(WARM_UP_MS));
    for (const event of events) {
      await this.go(() => sleep(event.afterMs));
      await this.begin(event);
      if (event.calm) await this.calm(expectCalm);
    }
    await this.go(() => this.audience.leave());
  }

  /** Does something unless a violation comes first; what goes wrong in it is one. */
  async go<T>(action: () => Promise<T>): Promise<T> {
    const acting = action();
    acting.catch((error: unknown) => this.#violate(messageOf(error), Date.now()));
    return Promise.race([this.#stopped, acting]);
  }

  async begin(event: SoakEvent): Promise<void> {
    const fault = this.#journal.begin(event);
    const { target, over } = await this.go(() => begin[event.kind](this, event.draws));
    fault.target = target;
    console.log(this.#journal.line(fault));
    const ending = over
      .catch((error: unknown) => this.#violate(messageOf(error), Date.now()))
      .then(() => {
        fault.endedAtMs = Date.now();
        this.#underway.delete(ending);
      });
    this.#underway.add(ending);
  }

  /** Waits for all that is under way, and then for the check, while nobody comes or goes. */
  async calm(check: (ground: Ground, audience: Audience, journal: Journal) => Promise<void>): Promise<void> {
    const startedAtMs = Date.now();
    await this.go(async () => {
      await Promise.all(this.#underway);
      this.audience.calm = true;
      await check(this.ground, this.audience, this.#journal);
      this.audience.calm = false;
    });
    const { viewers, judged } = this.audience;
    const took = ((Date.now() - startedAtMs) / 1000).toFixed(1);
    console.log(
      `${this.#journal.time(Date.now())} calm after ${took} s: ${viewers.size} viewers, ${judged} recordings judged`,
    );
  }

  sumUp(): void {
    const counts = FAULTS.map(
      (kind) => `${kind} ${this.#journal.faults.filter(({ event }) => event.kind === kind).length}`,
    );
    console.log(
      `${this.#journal.faults.length} events (${counts.join(', ')}), ${this.audience.judged} recordings judged`,
    );
  }

  /** Whatever has happened: nobody watches any more, and what was broken has been put right. */
  async end(): Promise<void> {
    await this.audience.leave();
    for (const { state, worker } of this.ground.places) if (state === 'stopped') worker.signal('SIGCONT');
    await Promise.all(this.#underway);
    if (this.#violation !== undefined) this.#report(this.#violation);
  }

  #judge(viewer: Viewer, recording: Recording): void {
    if (recording.status === 404 && this.#journal.mayBeForgotten(viewer.startedAtMs)) this.#createAgain(viewer.stream);
    const wrong = wrongRecording(viewer, recording, this.#journal);
    if (wrong.length === 0 || this.#violation !== undefined) return;
    const { startedAtMs } = viewer;
    const path = keep(`${this.#journal.seed}-viewer-${viewer.number}.ts`, recording.bytes);
    const where = `${nameOf(viewer)}, ${this.#journal.time(startedAtMs)} to ${this.#journal.time(Date.now())}, kept as ${path}`;
    this.#violate(`${where}:\n  ${wrong.join('\n  ')}`, Date.now());
  }

  /** As a client does whose stream is gone. */
  #createAgain(stream: SoakStream): void {
    if (this.#forgotten.has(stream)) return;
    this.#forgotten.add(stream);
    const deleted = this.audience.deleting(stream);
    const create = async () =>
      this.ground
        .up()[0]
        ?.worker.api.createTranscode(stream.body)
        .catch(() => undefined);
    const creating = until(create, { timeoutMs: 10_000, everyMs: 250, what: `${stream.mark} to be created again` })
      .catch((error: unknown) => this.#violate(messageOf(error), Date.now()))
      .then(() => {
        deleted.again();
        this.#forgotten.delete(stream);
        this.#underway.delete(creating);
      });
    this.#underway.add(creating);
  }

  #violate(what: string, aroundMs: number): void {
    if (this.#violation !== undefined) return;
    this.#violation = { what, aroundMs };
    this.#stop(new Error(`TEST_SEED=${this.#journal.seed}, event ${this.#journal.faults.length}: ${what}`));
  }

  #report({ what, aroundMs }: { what: string; aroundMs: number }): void {
    const { seed } = this.#journal;
    const lines = this.ground.cluster.workers.flatMap(({ logs }) => logs);
    const path = keep(`${seed}.txt`, this.#journal.logs(lines, 0, Number.POSITIVE_INFINITY));
    console.log(
      `\nTEST_SEED=${seed}\n${this.#journal.story()}\n\nVIOLATION at ${this.#journal.time(aroundMs)}\n${what}\n`,
    );
    console.log(`Logs of the last ${BEFORE_MS / 1000} s, all of them in ${path}:`);
    const telling = lines.filter(({ level, msg }) => String(level) !== 'debug' && msg !== 'request');
    console.log(this.#journal.logs(telling, aroundMs - BEFORE_MS, aroundMs));
  }
}

function keep(name: string, content: string | Uint8Array): string {
  mkdirSync(KEPT_IN, { recursive: true });
  const path = join(KEPT_IN, name);
  writeFileSync(path, content);
  return path;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
