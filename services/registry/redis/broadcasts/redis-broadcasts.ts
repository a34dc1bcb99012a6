/** The broadcasts of a cluster, in Redis. */

import {
  type Asked,
  type BroadcastBook,
  type BroadcastProgress,
  broadcastKey,
  broadcastProgressShape,
  hasEnded,
  type KeptBroadcast,
  MAX_BROADCASTS,
  type NoteAnswer,
  orderShape,
  type ShownBroadcast,
} from '../../broadcasts/broadcast.ts';
import { parsed } from '../../shapes.ts';
import { KnownBroadcasts } from './known-broadcasts.ts';

type Hash = Readonly<Record<string, string>>;
type BroadcastScript = 'put-broadcast' | 'end-broadcast' | 'remove-broadcast' | 'note-broadcast';

export interface RedisBroadcastsDeps {
  readonly run: (name: BroadcastScript, ...args: (string | number)[]) => Promise<unknown>;
  /** All broadcasts, and how far they are. */
  readonly readAll: () => Promise<[Hash, Hash]>;
  /** The same of one. */
  readonly read: (id: string) => Promise<[string | null, string | null]>;
  /** Ids of the streams that are recorded. */
  readonly readRecorded: () => Promise<string[]>;
  readonly incarnation: string;
  readonly workerId: string;
}

const ANSWERS: readonly NoteAnswer[] = ['mine', 'lost', 'unknown'];

export class RedisBroadcasts implements BroadcastBook {
  readonly #deps: RedisBroadcastsDeps;
  readonly #known = new KnownBroadcasts(shown);

  constructor(deps: RedisBroadcastsDeps) {
    this.#deps = deps;
  }

  async begin(id: string, order: Asked, after?: number): Promise<number | undefined> {
    const programme = await this.#put(id, order, '', '0', after ?? '');
    return programme === 0 ? undefined : programme;
  }

  async restore({ id, order: { programme, ...order }, isStopped }: KeptBroadcast): Promise<void> {
    await this.#put(id, order, programme, isStopped ? '1' : '0', '');
  }

  async #put(id: string, order: Asked, programme: number | '', stopped: '0' | '1', after: number | '') {
    const text = JSON.stringify(order);
    const { run } = this.#deps;
    return Number(await run('put-broadcast', id, order.streamId, text, MAX_BROADCASTS, programme, stopped, after));
  }

  async end(id: string): Promise<boolean> {
    return (await this.#deps.run('end-broadcast', id)) === 1;
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#deps.run('remove-broadcast', id, broadcastKey(id))) === 1;
  }

  async list(): Promise<ShownBroadcast[]> {
    return this.#known.of(...(await this.#deps.readAll()));
  }

  async find(id: string): Promise<ShownBroadcast | undefined> {
    const [kept, progress] = await this.#deps.read(id);
    return shown(id, kept, progress);
  }

  async recorded(): Promise<ReadonlySet<string>> {
    return new Set(await this.#deps.readRecorded());
  }

  async note(id: string, progress: BroadcastProgress): Promise<NoteAnswer> {
    const { run, incarnation, workerId } = this.#deps;
    const text = JSON.stringify({ ...progress, worker: workerId });
    const isOver = hasEnded(progress.state) ? '1' : '0';
    const { epoch, programme } = progress;
    const answer = await run('note-broadcast', broadcastKey(id), incarnation, epoch, id, programme, isOver, text);
    return ANSWERS.find((each) => each === answer) ?? 'unknown';
  }
}

/** @param kept `<programme> <1: it is to end> <the order as JSON>` */
function shown(
  id: string,
  kept: string | null | undefined,
  progress: string | null | undefined,
): ShownBroadcast | undefined {
  const [, programme, stopped, text = ''] = /^(\d+) ([01]) (.*)$/s.exec(kept ?? '') ?? [];
  if (programme === undefined) return undefined;
  const order = parsed(orderShape, withProgramme(text, programme));
  if (order === undefined) return undefined;
  return { id, order, isStopped: stopped === '1', progress: parsed(broadcastProgressShape, progress ?? '') };
}

/** The number stands before the text, because the script that counts it does not read the order. */
function withProgramme(text: string, programme: string): string {
  return text.replace(/^\{/, `{"programme":${programme},`);
}
