/** The sessions that somebody has disconnected: what their players still ask for is refused for a while. */

import { sessionIds } from '../../../../registry/client-ids.ts';

/** A player gives up within this. Each refusal begins it anew. */
const REMEMBERED_MS = 60_000;
/** More are forgotten, the oldest first. */
const MAX_REMEMBERED = 10_000;

interface Disconnected {
  /** When somebody said so: sessions that began later are others. */
  readonly atMs: number;
  /** Monotonic. */
  untilMs: number;
}

export class DisconnectedSessions {
  readonly #monotonicMs: () => number;
  readonly #known = new Map<string, Disconnected>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** @param streamId undefined: of every stream */
  add(clientId: string, streamId: string | undefined, atMs: number): void {
    const nowMs = this.#monotonicMs();
    for (const [key, { untilMs }] of this.#known) if (untilMs < nowMs) this.#known.delete(key);
    const key = keyOf(clientId, streamId);
    this.#known.delete(key);
    this.#known.set(key, { atMs, untilMs: nowMs + REMEMBERED_MS });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }

  /**
   * Whether a session is refused.
   *
   * @param clientId as its ticket names it; the registry may have counted it under its second id
   * @param issuedAtMs undefined: it has no ticket, so nobody knows when it began
   */
  has(clientId: string, streamId: string, issuedAtMs: number | undefined): boolean {
    if (this.#known.size === 0) return false;
    const nowMs = this.#monotonicMs();
    const entries = sessionIds(clientId).flatMap((id) => [
      this.#known.get(keyOf(id, streamId)),
      this.#known.get(keyOf(id, undefined)),
    ]);
    const refusing = entries.filter((entry) => entry !== undefined && entry.untilMs >= nowMs);
    const found = refusing.find(
      (entry) => entry !== undefined && (issuedAtMs === undefined || issuedAtMs <= entry.atMs),
    );
    if (found === undefined) return false;
    found.untilMs = nowMs + REMEMBERED_MS;
    return true;
  }
}

function keyOf(clientId: string, streamId: string | undefined): string {
  return `${streamId ?? '*'} ${clientId}`;
}
