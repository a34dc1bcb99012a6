/** The keys of a simulated Redis: values of six types that expire, and can be put back to what they were a moment ago. */

export type Value =
  | { readonly kind: 'string'; text: string }
  | { readonly kind: 'hash'; readonly fields: Map<string, string> }
  | { readonly kind: 'set'; readonly members: Set<string> }
  | { readonly kind: 'zset'; readonly scores: Map<string, number> }
  | { readonly kind: 'list'; readonly items: string[] }
  | { readonly kind: 'stream'; readonly entries: StreamEntry[] };

/** An entry of a Redis Stream. */
export interface StreamEntry {
  readonly ms: number;
  readonly seq: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

export type Kind = Value['kind'];
export type Typed<K extends Kind> = Extract<Value, { readonly kind: K }>;

interface Entry {
  readonly value: Value;
  /** Undefined: it does not expire. */
  expiresAtMs: number | undefined;
}

/** What a key was before its first change of a millisecond. */
interface Change {
  readonly atMs: number;
  readonly key: string;
  readonly before: Entry | undefined;
}

/** An error that Redis answers. */
export class ReplyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReplyError';
  }
}

/** Earlier changes are forgotten when there are so many of them. */
const CHANGES = 20_000;

function empty(kind: Kind): Value {
  switch (kind) {
    case 'string':
      return { kind, text: '' };
    case 'hash':
      return { kind, fields: new Map() };
    case 'set':
      return { kind, members: new Set() };
    case 'zset':
      return { kind, scores: new Map() };
    case 'list':
      return { kind, items: [] };
    case 'stream':
      return { kind, entries: [] };
  }
}

function copyOf(value: Value): Value {
  switch (value.kind) {
    case 'string':
      return { ...value };
    case 'hash':
      return { kind: 'hash', fields: new Map(value.fields) };
    case 'set':
      return { kind: 'set', members: new Set(value.members) };
    case 'zset':
      return { kind: 'zset', scores: new Map(value.scores) };
    case 'list':
      return { kind: 'list', items: [...value.items] };
    case 'stream':
      return { kind: 'stream', entries: [...value.entries] };
  }
}

export class KeySpace {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /** How long changes can be taken back; 0: not at all. */
  readonly #keptMs: number;
  #changes: Change[] = [];
  #changed = new Set<string>();
  #changedAtMs = Number.NaN;

  /**
   * @param now the clock of this Redis, in ms
   * @param keptMs how far back `loseSince` may go
   */
  constructor(now: () => number, keptMs: number) {
    this.#now = now;
    this.#keptMs = keptMs;
  }

  /** The keys that have not expired. */
  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#entry(key) !== undefined);
  }

  has(key: string): boolean {
    return this.#entry(key) !== undefined;
  }

  /** The value of a key, to read; undefined when there is none. @throws when it has another type */
  read<K extends Kind>(key: string, kind: K): Typed<K> | undefined {
    const entry = this.#entry(key);
    return entry === undefined ? undefined : (typed(entry.value, kind) as Typed<K>);
  }

  /** The value of a key of any type. */
  value(key: string): Value | undefined {
    return this.#entry(key)?.value;
  }

  /** When a key expires, in ms; undefined: never. */
  expiryOf(key: string): number | undefined {
    return this.#entry(key)?.expiresAtMs;
  }

  /** The value of a key, to change; made when there is none. The caller removes it again if it leaves it empty. */
  change<K extends Kind>(key: string, kind: K): Typed<K> {
    const entry = this.#entry(key);
    if (entry !== undefined) {
      const value = typed(entry.value, kind);
      this.#note(key, entry);
      return value as Typed<K>;
    }
    this.#note(key, undefined);
    const value = empty(kind);
    this.#entries.set(key, { value, expiresAtMs: undefined });
    return value as Typed<K>;
  }

  setText(key: string, text: string, expiresAtMs: number | undefined): void {
    this.#note(key, this.#entry(key));
    this.#entries.set(key, { value: { kind: 'string', text }, expiresAtMs });
  }

  expire(key: string, atMs: number): boolean {
    const entry = this.#entry(key);
    if (entry === undefined) return false;
    this.#note(key, entry);
    entry.expiresAtMs = atMs;
    return true;
  }

  delete(key: string): boolean {
    const entry = this.#entry(key);
    if (entry === undefined) return false;
    this.#note(key, entry);
    return this.#entries.delete(key);
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  /** All keys are as they were at that time; what has expired since is not there. */
  loseSince(atMs: number): void {
    for (let change = this.#changes.pop(); change !== undefined; change = this.#changes.pop()) {
      if (change.atMs <= atMs) {
        this.#changes.push(change);
        break;
      }
      if (change.before === undefined) this.#entries.delete(change.key);
      else this.#entries.set(change.key, change.before);
    }
    this.#changedAtMs = Number.NaN;
  }

  #entry(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAtMs === undefined || this.#now() <= entry.expiresAtMs) return entry;
    this.#note(key, entry);
    this.#entries.delete(key);
    return undefined;
  }

  /** A key is about to change. */
  #note(key: string, entry: Entry | undefined): void {
    if (this.#keptMs === 0) return;
    const atMs = this.#now();
    if (atMs !== this.#changedAtMs) {
      this.#changed.clear();
      this.#changedAtMs = atMs;
      if (this.#changes.length > CHANGES)
        this.#changes = this.#changes.filter((each) => each.atMs > atMs - this.#keptMs);
    }
    if (this.#changed.has(key)) return;
    this.#changed.add(key);
    this.#changes.push({ atMs, key, before: entry && { ...entry, value: copyOf(entry.value) } });
  }
}

function typed(value: Value, kind: Kind): Value {
  if (value.kind !== kind) {
    throw new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');
  }
  return value;
}
