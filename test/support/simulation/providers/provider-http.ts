/** The connections of a simulated worker to its provider, in place of HTTP over the network: a live source, as `Hop` has it. */

import type { Readable } from 'node:stream';
import { deferred } from '../../../../services/proxy/src/async.ts';
import { TICKS_PER_MS } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import type { Hop, HopRequest, HopResponse } from '../../../../services/proxy/src/upstream/http/hop.ts';
import { accountOf } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import type { Process } from '../machine.ts';
import type { ScheduledEvent } from '../scheduler.ts';
import { UNIT_MS } from '../unit-media.ts';
import { Body } from './body.ts';
import { LiveMedia } from './live-media.ts';
import type { Provider } from './provider.ts';
import { askResolver, RESOLVER_HOST } from './resolver.ts';

/** From one side to the other, in ms. */
const WAY_MS = [0.1, 3] as const;
/** From the request to the answer, in ms. */
const ANSWER_MS = [20, 400] as const;
/** How soon after its outage a mute source answers. */
const MUTE_MS = 100;
const OK = 200;
/** Clocks of connections are so far apart that none of them looks like another one that has jumped: 97.3 s. */
const APART_TICKS = 97_300 * TICKS_PER_MS;

export function hopTo(provider: Provider, process: Process): Hop {
  return (request) =>
    request.url.host === RESOLVER_HOST
      ? askResolver(request, provider.resolver, process)
      : new Connection(request, provider, process).answer;
}

class Connection {
  readonly #request: HopRequest;
  readonly #provider: Provider;
  readonly #process: Process;
  readonly #url: string;
  readonly #account: string;
  readonly #answer = deferred<HopResponse>();
  readonly #closed = deferred<void>();
  readonly #body = new Body(() => this.#isOver());
  readonly #forget: () => void;
  readonly #onAbort = () => this.#aborted();
  #next: ScheduledEvent | undefined;
  /** When what was sent last arrives. */
  #lastMs = 0;
  #hasEnded = false;
  /** Some media has been sent. */
  #hasMedia = false;

  constructor(request: HopRequest, provider: Provider, process: Process) {
    this.#request = request;
    this.#provider = provider;
    this.#process = process;
    this.#url = request.url.href;
    this.#account = accountOf({ url: this.#url, headers: {}, userAgent: '' });
    provider.connect(this.#account, this);
    this.#forget = provider.onBreak(this.#url, () => this.#breaks());
    process.onEnd(() => this.#stop());
    request.opening.addEventListener('abort', this.#onAbort, { once: true });
    this.#after(this.#scheduler.between(...WAY_MS), () => this.#accepted());
  }

  get answer(): Promise<HopResponse> {
    return this.#answer.promise;
  }

  get #scheduler() {
    return this.#process.machine.scheduler;
  }

  /** What the provider does next. */
  #after(ms: number, run: () => void): void {
    this.#next = this.#scheduler.after(ms, undefined, run);
  }

  /** Something is on its way to the worker. */
  #send(arrive: () => void): void {
    const scheduler = this.#scheduler;
    this.#lastMs = Math.max(this.#lastMs + 0.001, scheduler.nowMs + scheduler.between(...WAY_MS));
    scheduler.at(this.#lastMs, this.#process, arrive, false, true);
  }

  #accepted(): void {
    this.#send(() => this.#request.connected());
    this.#after(this.#scheduler.between(...ANSWER_MS), () => this.#answers());
  }

  #answers(): void {
    const outage = this.#provider.outage(this.#url);
    if (outage === 'mute') {
      // It answers what has come meanwhile when it goes on.
      this.#after(MUTE_MS, () => this.#answers());
      return;
    }
    const status = outage === 'refuses' ? 503 : OK;
    const headers = { 'content-type': 'video/mp2t' };
    this.#send(() => {
      this.#request.opening.removeEventListener('abort', this.#onAbort);
      const body = this.#body as unknown as Readable;
      this.#answer.resolve({ status, headers, body, closed: this.#closed.promise });
    });
    if (outage === 'refuses') {
      this.#ends();
      return;
    }
    const { habits } = this.#provider;
    const number = this.#provider.nextConnection(this.#url);
    const media = new LiveMedia(clockOf(this.#url) + (habits.hasOwnClocks ? number * APART_TICKS : 0), number);
    const now = Math.floor(this.#scheduler.nowMs / UNIT_MS);
    const first = Math.max(0, now - Math.floor(habits.burstMs / UNIT_MS) + 1);
    if (outage === undefined) for (let unit = first; unit <= now; unit++) this.#sendUnit(media, number, unit);
    this.#sendNext(media, number);
  }

  #sendUnit(media: LiveMedia, connection: number, unit: number): void {
    this.#hasMedia = true;
    this.#send(() => {
      this.#provider.hasSent(connection, unit);
      this.#body.push(media.unit(unit));
    });
  }

  /** All connections get the same picture at the same time. */
  #sendNext(media: LiveMedia, connection: number): void {
    const { nowMs } = this.#scheduler;
    const unit = Math.floor(nowMs / UNIT_MS) + 1;
    this.#after(unit * UNIT_MS - nowMs, () => {
      if (this.#provider.outage(this.#url) === undefined) this.#sendUnit(media, connection, unit);
      this.#sendNext(media, connection);
    });
  }

  /** A fault of the provider ends it. */
  #breaks(): void {
    if (!this.#hasMedia) this.#provider.refused(this.#url);
    this.#ends();
  }

  /** The provider closes it. */
  #ends(): void {
    if (this.#hasEnded) return;
    this.#stop();
    this.#send(() => {
      this.#answer.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      this.#body.end();
    });
  }

  #aborted(): void {
    this.#answer.reject(this.#request.opening.reason);
    this.#isOver();
  }

  #stop(): void {
    this.#hasEnded = true;
    if (this.#next !== undefined) this.#next.isCancelled = true;
    this.#forget();
    this.#provider.disconnect(this.#account, this);
  }

  /** The worker has closed it, or does not live any more. */
  #isOver(): void {
    this.#stop();
    this.#closed.resolve();
  }
}

/** Each source has a clock of its own, in ticks. */
function clockOf(url: string): number {
  return [...url].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000, 7) * 1_000;
}
