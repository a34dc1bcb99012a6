/**
 * Walks a request from await to await. A first run lists the places where the request waits; each later run lets the caller leave at
 * one of them. A new `await` is a new place by itself.
 */

import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { Server, type ServerResponse } from 'node:http';

/** One request and what was seen of it. */
export interface Walk {
  readonly id: string;
  /** The place where the caller leaves; undefined: it stays until the first byte. */
  readonly leaveAt: string | undefined;
  /** The places passed so far, in order. */
  readonly places: Set<string>;
  response: ServerResponse | undefined;
  /** The caller has left, or has got its first byte: what follows is not part of the walk. */
  isOver: boolean;
  hasLeft: boolean;
}

const WAITS = ' waits';
/** How often the walk stops at a place that is passed again and again, such as a read in a loop. */
const PASSES = 2;
/** A write this long is media. Shorter ones tell another worker about the media that follows. */
const MEDIA_BYTES = 500;
/** Names the walk of a request. */
const WALK_HEADER = 'x-walk';
/** Names the walk on behalf of which something else makes a request, as FFmpeg does. */
const PART_HEADER = 'x-part-of-walk';

const current = new AsyncLocalStorage<Walk>();
const walks = new Map<string, Walk>();
const waits = new Map<number, { readonly walk: Walk; readonly place: string }>();

/** The places of a walk at which leaving makes a difference: of several waits that begin in a row, only the last. */
export function placesToLeave({ places }: Walk): string[] {
  const isWait = (place: string | undefined) => place?.includes(WAITS) === true;
  return [...places].filter((place, at, all) => !isWait(place) || !isWait(all[at + 1]));
}

/** A request that is walked; send `headers` with it. */
export function newWalk(leaveAt?: string): { walk: Walk; headers: Record<string, string> } {
  const id = String(walks.size);
  const walk: Walk = { id, leaveAt, places: new Set(), response: undefined, isOver: false, hasLeft: false };
  walks.set(id, walk);
  return { walk, headers: { [WALK_HEADER]: id } };
}

/** Headers for a request to this process that belongs to the walk in whose course this is called. */
export function partOfWalk(): Record<string, string> {
  const walk = current.getStore();
  return walk === undefined ? {} : { [PART_HEADER]: walk.id };
}

/** Something outside of the code under test is done in two steps: asking and answering take a turn of the event loop each. */
export async function slowly<T>(what: string, call: () => Promise<T>): Promise<T> {
  await turn();
  pass(`${what} is on its way`);
  const answer = await call().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await turn();
  pass(`the answer to ${what} is on its way`);
  if ('error' in answer) throw answer.error;
  return answer.value;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pass(name: string): string | undefined {
  const walk = current.getStore();
  if (walk === undefined || walk.isOver) return undefined;
  let place = name;
  for (let passes = 1; walk.places.has(place); passes++) {
    if (passes === PASSES) return undefined;
    place = `${name}, again`;
  }
  walk.places.add(place);
  if (walk.leaveAt === place) leave(walk);
  return place;
}

/** What Node does when the socket of a response closes, at this very moment and not in a later turn of the event loop. */
function leave(walk: Walk): void {
  const { response } = walk;
  walk.isOver = true;
  walk.hasLeft = true;
  if (response === undefined || response.destroyed) return;
  const { socket } = response;
  response.destroyed = true;
  (response as unknown as { _closed: boolean })._closed = true;
  response.emit('close');
  socket?.destroy();
}

/** How many callers up a promise's maker in the services is looked for. */
const DEPTH = 12;
const SERVICES = /\/services\/(?:proxy\/src\/)?([^\s)]+)/;
/** Places in the code that runs → places in the sources. Only a place that is new costs a look into the source map. */
const sources = new Map<string, string>();

/** Where in the services a promise is made; undefined when it is made elsewhere. */
function placeInCode(): string | undefined {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = DEPTH;
  Error.prepareStackTrace = (_error, sites) => sites;
  const sites = new Error().stack as unknown as NodeJS.CallSite[];
  Error.prepareStackTrace = prepareStackTrace;
  const site = sites.find((each) => SERVICES.test(each.getFileName() ?? ''));
  const ran = site && `${site.getFileName()}:${site.getLineNumber()}:${site.getColumnNumber()}`;
  let place = ran && sources.get(ran);
  if (ran !== undefined && place === undefined) {
    place = SERVICES.exec(new Error().stack ?? '')?.[1] ?? ran;
    sources.set(ran, place);
  }
  Error.stackTraceLimit = stackTraceLimit;
  return place;
}

const hook = createHook({
  init(id, type) {
    if (type !== 'PROMISE') return;
    const walk = current.getStore();
    if (walk === undefined || walk.isOver) return;
    const code = placeInCode();
    if (code === undefined) return;
    const name = `${code}${WAITS}`;
    if (walk.places.has(`${name}, again`)) return;
    const place = walk.places.has(name) ? `${name}, again` : name;
    walk.places.add(place);
    waits.set(id, { walk, place });
    // Not at once: the code that has called this one still has to run up to its own `await`.
    if (walk.leaveAt === place) queueMicrotask(() => walk.isOver || leave(walk));
  },
  before(id) {
    const wait = waits.get(id);
    if (wait === undefined) return;
    waits.delete(id);
    const { walk } = wait;
    if (walk.isOver) return;
    const place = wait.place.replace(WAITS, ' goes on');
    walk.places.add(place);
    if (walk.leaveAt === place) leave(walk);
  },
});

/** Begins to follow requests with the header, to whichever server of this process. Call the returned function to end that. */
export function followWalks(): () => void {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]): boolean {
    const [request, response] = args as [{ headers?: Record<string, string> } | undefined, ServerResponse];
    const part = event === 'request' ? walks.get(request?.headers?.[PART_HEADER] ?? '') : undefined;
    if (part !== undefined) return current.run(part, () => Reflect.apply(emit, this, [event, ...args]));
    const walk = event === 'request' ? walks.get(request?.headers?.[WALK_HEADER] ?? '') : undefined;
    if (walk === undefined) return Reflect.apply(emit, this, [event, ...args]);
    walk.response = response;
    const write = response.write.bind(response) as (chunk: Buffer, ...rest: unknown[]) => boolean;
    response.write = ((chunk: Buffer, ...rest: unknown[]) => {
      if (chunk.length >= MEDIA_BYTES) walk.isOver = true;
      return write(chunk, ...rest);
    }) as ServerResponse['write'];
    return current.run(walk, () => Reflect.apply(emit, this, [event, ...args]));
  } as Server['emit'];
  hook.enable();
  return () => {
    hook.disable();
    Server.prototype.emit = emit;
  };
}
