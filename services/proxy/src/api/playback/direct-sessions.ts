/** The viewers of direct streams: one response each, or several requests of a player that seeks in a file. */

import { clientReport } from '../../../../registry/client-report.ts';
import type { Viewers } from '../../../../registry/registry.ts';
import type { ClientRecord, Joined, StreamRecord } from '../../../../registry/types.ts';
import { StallLimit } from '../../upstream/messages/stall-limit.ts';
import { joinedOrThrow } from '../../viewers/join-errors.ts';
import type { Playback } from '../../viewers/playback.ts';
import type { Viewer } from '../../viewers/seating.ts';
import { logJoined, logLeft } from '../../viewers/viewer-log.ts';
import type { Services } from '../../worker/services.ts';

export interface DirectSessionsDeps {
  readonly registry: Viewers;
  readonly playback: Playback;
  /** How long a viewer may read nothing. */
  readonly clientStallTimeoutMs: number;
  /** How long a viewer of a file stays counted between two requests. */
  readonly clientTimeoutMs: number;
  /** Called with the current record whenever a viewer has been counted in. */
  readonly onJoined: (stream: StreamRecord) => void;
  readonly log: Services['log'];
}

type Connect = (atLimit: () => void) => Promise<() => void>;

/** One response, and its connection to the provider. */
interface Response {
  readonly connect: Connect;
  /** Frees the connection; undefined until there is one. */
  disconnect: (() => void) | undefined;
  isPaused: boolean;
}

/** One viewer, counted until it has left. */
export interface DirectSession {
  readonly client: ClientRecord;
  /** As it was when the viewer was counted in. */
  readonly stream: StreamRecord;
  /** How long it may read nothing of a response. */
  readonly stall: StallLimit;
  /**
   * A response begins; `abort` ends it from our side.
   * @param connect takes a connection to the provider and returns how to free it; at the limit it may end older
   *   responses of this viewer
   * @throws {StreampoolError} 503 at the provider's limit
   */
  begin(abort: AbortController, connect: Connect): Promise<void>;
  /** The viewer has stopped reading, and its response has closed its connection to the provider. */
  pause(abort: AbortController): void;
  /** The viewer reads again. @throws {StreampoolError} 503 at the provider's limit */
  goOn(abort: AbortController): Promise<void>;
  /** The response has another connection to the provider now, and its last one is closed. @param disconnect frees the new one */
  moved(abort: AbortController, disconnect: () => void): void;
  /**
   * Ends the responses that began before this one: a player that reads the index of a file leaves them open.
   * @returns whether there were any
   */
  endOlder(abort: AbortController): boolean;
  /** A response is over. The viewer leaves with it, unless the session is kept. */
  end(abort: AbortController): Promise<void>;
  count(bytes: number): void;
  /** It has got bytes. */
  readonly hasGot: boolean;
  /** The source is a file: the viewer will return for the next part. */
  keep(): void;
}

export class DirectSessions {
  readonly #deps: DirectSessionsDeps;
  /** The sessions that are kept and those that are joining, by stream and requested client id. */
  readonly #kept = new Map<string, Session>();
  readonly #joining = new Map<string, Promise<Session>>();

  constructor(deps: DirectSessionsDeps) {
    this.#deps = deps;
  }

  /**
   * Counts a viewer in. A viewer of a file that was here a moment ago gets its session back.
   * @throws {StreampoolError} 404 without such a stream, 503 without room
   */
  async enter(viewer: Viewer, clientId: string, isFile: boolean): Promise<DirectSession> {
    const key = `${viewer.streamId} ${clientId}`;
    if (!isFile) return this.#join(viewer, clientId, key);
    const known = this.#kept.get(key) ?? this.#joining.get(key);
    if (known !== undefined) return known;
    const joining = this.#join(viewer, clientId, key);
    this.#joining.set(key, joining);
    try {
      const session = await joining;
      session.keep();
      return session;
    } finally {
      this.#joining.delete(key);
    }
  }

  async #join(viewer: Viewer, clientId: string, key: string): Promise<Session> {
    const { registry, playback, onJoined } = this.#deps;
    playback.assertRoom();
    const joined = joinedOrThrow(await registry.join({ client: viewer, clientId, cap: undefined, localSlots: [] }));
    onJoined(joined.stream);
    const session: Session = new Session(joined, clientId, this.#deps, {
      kept: () => {
        if (!this.#kept.has(key)) this.#kept.set(key, session);
      },
      over: () => {
        if (this.#kept.get(key) === session) this.#kept.delete(key);
      },
    });
    void playback.supersede(joined, clientId);
    return session;
  }
}

class Session implements DirectSession {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  readonly stall: StallLimit;
  readonly #deps: DirectSessionsDeps;
  readonly #on: { readonly kept: () => void; readonly over: () => void };
  /** In the order in which they began. */
  readonly #responses = new Map<AbortController, Response>();
  readonly #untrack: () => void;
  #bytes = 0;
  #isKept = false;
  #closed = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    { client, stream }: Joined,
    wantedId: string,
    deps: DirectSessionsDeps,
    on: { kept: () => void; over: () => void },
  ) {
    this.client = client;
    this.stream = stream;
    this.#deps = deps;
    this.#on = on;
    this.stall = new StallLimit(deps.clientStallTimeoutMs);
    this.#untrack = deps.playback.track({
      client,
      wantedId,
      stall: this.stall,
      isUnfed: true,
      bytesServed: () => this.#bytes,
      close: () => this.#close(),
    });
  }

  async begin(abort: AbortController, connect: Connect): Promise<void> {
    clearTimeout(this.#idle);
    this.#responses.set(abort, { connect, disconnect: undefined, isPaused: false });
    if (this.#closed) abort.abort();
    await this.goOn(abort);
  }

  pause(abort: AbortController): void {
    const response = this.#responses.get(abort);
    if (response === undefined) return;
    response.disconnect?.();
    response.disconnect = undefined;
    response.isPaused = true;
  }

  moved(abort: AbortController, disconnect: () => void): void {
    const response = this.#responses.get(abort);
    const before = response === undefined ? disconnect : response.disconnect;
    if (response !== undefined) response.disconnect = disconnect;
    before?.();
  }

  async goOn(abort: AbortController): Promise<void> {
    const response = this.#responses.get(abort);
    if (response === undefined) return;
    response.isPaused = false;
    const disconnect = await response.connect(() => this.endOlder(abort));
    if (this.#responses.has(abort)) response.disconnect = disconnect;
    else disconnect();
  }

  endOlder(abort: AbortController): boolean {
    const all = [...this.#responses];
    const at = all.findIndex(([each]) => each === abort);
    // A paused response has no connection to close.
    const older = all.slice(0, Math.max(0, at)).filter(([{ signal }, { isPaused }]) => !signal.aborted && !isPaused);
    for (const [each] of older) each.abort();
    return older.length > 0;
  }

  async end(abort: AbortController): Promise<void> {
    this.#responses.get(abort)?.disconnect?.();
    this.#responses.delete(abort);
    if (this.#responses.size > 0) return;
    if (!this.#isKept || this.#closed || this.#bytes === 0) return this.#leave();
    this.#idle = setTimeout(() => void this.#leave(), this.#deps.clientTimeoutMs).unref();
  }

  count(bytes: number): void {
    if (this.#bytes === 0) logJoined(this.#deps.log, this.client);
    this.#bytes += bytes;
  }

  get hasGot(): boolean {
    return this.#bytes > 0;
  }

  keep(): void {
    this.#isKept = true;
    this.#on.kept();
  }

  #close(): void {
    this.#closed = true;
    for (const response of this.#responses.keys()) response.abort();
    if (this.#responses.size === 0) void this.#leave();
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#idle);
    this.#closed = true;
    this.#untrack();
    this.#on.over();
    // A viewer that got no bytes has not begun to watch.
    if (this.#bytes > 0) logLeft(this.#deps.log, this.client, { bytes: this.#bytes, atMs: Date.now() });
    await this.#deps.registry.leave(clientReport(this.client, this.#bytes));
  }
}
