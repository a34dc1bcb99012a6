/** One channel of a live source: a player, its connections, and how they must misbehave. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PACKET, shifted } from './loop.ts';
import type {
  Answer,
  ChannelAction,
  ChannelOptions,
  ChannelStats,
  ConnectionLimit,
  ConnectionRecord,
} from './options.ts';
import { type Block, Player } from './player.ts';

type Loop = Player['loop'];

export interface Connection {
  record: ConnectionRecord;
  response: ServerResponse;
  /** Added to all its timestamps; undefined until its first packets when the clock restarts. */
  shiftTicks: number | undefined;
  /** Body bytes still allowed, for finite answers. */
  remaining: number;
  started: boolean;
  silent: boolean;
  lastBytes: Buffer;
}

/** A peer with this many unread bytes is cut, as a provider would. */
const MAX_UNSENT_BYTES = 16 * 2 ** 20;
/** First DTS of a connection whose clock restarts: FFmpeg's own 1.4 s. */
const RESTART_TICKS = 126_000;
/** How far back the newest keyframe may be, in ms. */
const KEYFRAME_HISTORY_MS = 12_000;

export class Channel {
  readonly #options: ChannelOptions;
  readonly #player: Player;
  readonly #random: () => number;
  readonly #connections = new Set<Connection>();
  readonly #records: ConnectionRecord[] = [];
  readonly #pendingSchedule: { atSeconds: number; action: ChannelAction }[];
  readonly #historyMs: number;
  #history: Block[] = [];
  #answer: Answer;
  #answersLeft = Number.POSITIVE_INFINITY;
  #running: boolean;
  #maxConcurrent = 0;
  #refused = 0;
  limit: ConnectionLimit | undefined;

  constructor(loop: Loop, options: ChannelOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
    this.#answer = options.answer ?? { kind: 'play' };
    this.limit = options.limit;
    this.#running = options.clockStarts !== 'first-connection';
    this.#pendingSchedule = [...(options.schedule ?? [])].sort((a, b) => a.atSeconds - b.atSeconds);
    const keepsHistory = options.burstSeconds !== undefined || options.join === 'keyframe';
    this.#historyMs = keepsHistory ? (options.burstSeconds ?? 0) * 1000 + KEYFRAME_HISTORY_MS : 0;
    this.#player = new Player(loop, {
      startPts: options.startPts ?? 900_000,
      startPhaseSeconds: options.startPhaseSeconds ?? 0,
      speed: options.speed ?? 1,
      pastMs: this.#historyMs,
    });
    this.#history = this.#player.past();
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  stats(): ChannelStats {
    return {
      open: this.#connections.size,
      total: this.#records.filter((record) => record.status === 200).length,
      maxConcurrent: this.#maxConcurrent,
      refused: this.#refused,
      mediaSeconds: this.#player.mediaSeconds,
      connections: this.#records,
    };
  }

  tick(nowMs: number): void {
    if (!this.#running) return;
    this.#play(nowMs);
    while ((this.#pendingSchedule[0]?.atSeconds ?? Number.POSITIVE_INFINITY) <= this.#player.mediaSeconds) {
      const due = this.#pendingSchedule.shift();
      if (due !== undefined) this.act(due.action, nowMs);
    }
  }

  /** Sends everything that became due since the last call. */
  #play(nowMs: number): void {
    const block = this.#player.tick(nowMs);
    if (block === undefined) return;
    if (this.#historyMs > 0) this.#remember(block);
    for (const connection of this.#connections) this.#send(connection, block);
  }

  act(action: ChannelAction, nowMs: number): void {
    switch (action.do) {
      case 'jump':
        this.#player.jump(action.seconds);
        break;
      case 'cut':
        this.#cutAll(action);
        break;
      case 'answer':
        this.#answer = action.answer;
        this.#answersLeft = action.times ?? Number.POSITIVE_INFINITY;
        break;
      case 'stall':
        // What was due before it is not part of it, however late this process gets its turn.
        if (this.#running) this.#play(nowMs);
        this.#player.stall(action.ms, action.then ?? 'burst', nowMs);
        break;
      case 'video':
        this.#player.video = action.on;
        break;
      case 'sound':
        this.#player.sound = action.on;
        break;
      case 'strip-random-access':
        this.#player.stripRandomAccess = action.on;
        break;
      case 'only':
        this.#player.only = action.what;
        break;
      case 'lose-packets':
        this.#player.losePackets(action.count);
        break;
      case 'speed':
        this.#player.speed = action.factor;
        break;
      case 'limit':
        this.limit = action.limit;
    }
  }

  /** The answer for the next connection; counts down a limited answer. */
  takeAnswer(): Answer {
    const answer = this.#answer;
    if (--this.#answersLeft <= 0) this.#answer = { kind: 'play' };
    return answer;
  }

  /** Records a request that gets no media. */
  refuse(record: ConnectionRecord): void {
    this.#refused++;
    this.#records.push({ ...record, closedAt: Date.now(), closedBy: 'source' });
  }

  /** Answers with media, now or (silent) never. */
  serve(request: IncomingMessage, response: ServerResponse, record: ConnectionRecord, answer: Answer): void {
    this.#running = true;
    const finite = answer.kind === 'finite' ? answer.bytes : undefined;
    if (this.#options.framing === 'close') response.useChunkedEncodingByDefault = false;
    response.writeHead(200, {
      'content-type': this.#options.contentType ?? 'video/mp2t',
      ...(finite === undefined ? { connection: 'close' } : { 'content-length': finite }),
    });
    response.flushHeaders();
    request.socket.setNoDelay(true);
    const connection: Connection = {
      record: { ...record, status: 200 },
      response,
      shiftTicks: this.#shift(),
      remaining: finite ?? Number.POSITIVE_INFINITY,
      started: false,
      silent: answer.kind === 'hang',
      lastBytes: Buffer.alloc(0),
    };
    this.#records.push(connection.record);
    this.#connections.add(connection);
    this.#maxConcurrent = Math.max(this.#maxConcurrent, this.#connections.size);
    response.once('close', () => this.#forget(connection, 'peer'));
    for (const block of this.#past()) this.#send(connection, block);
  }

  #shift(): number | undefined {
    if (this.#options.clock === 'own') return Math.floor(this.#random() * 2 ** 33);
    return this.#options.clock === 'restart' ? undefined : 0;
  }

  cut(connection: Connection, how: { midPacket?: boolean; graceful?: boolean }): void {
    const { response } = connection;
    this.#forget(connection, 'source');
    if (how.graceful) response.end();
    else if (how.midPacket && connection.lastBytes.length >= PACKET) {
      // The piece goes out before the connection breaks.
      response.write(connection.lastBytes.subarray(0, 100), () => response.destroy());
    } else response.destroy();
  }

  #cutAll(how: { midPacket?: boolean; graceful?: boolean }): void {
    for (const connection of [...this.#connections]) this.cut(connection, how);
  }

  #forget(connection: Connection, closedBy: 'source' | 'peer'): void {
    if (!this.#connections.delete(connection)) return;
    connection.record.closedAt = Date.now();
    connection.record.closedBy = closedBy;
  }

  #remember(block: Block): void {
    this.#history.push(block);
    const first = this.#history.findIndex((kept) => kept.mediaMs >= block.mediaMs - this.#historyMs);
    if (first > 0) this.#history = this.#history.slice(first);
  }

  /** The blocks that a new connection gets at once; the first one is cut to where the connection begins. */
  #past(): Block[] {
    const newest = this.#history.at(-1)?.mediaMs ?? 0;
    const until = newest - (this.#options.burstSeconds ?? 0) * 1000;
    if (this.#options.burstStart === 'packet') return this.#history.filter((block) => block.mediaMs > until);
    const from = this.#history.findLastIndex((block) => block.keyframeAt !== -1 && block.mediaMs <= until);
    const begin = from === -1 ? this.#history.findIndex((block) => block.keyframeAt !== -1) : from;
    const [first, ...rest] = begin === -1 ? [] : this.#history.slice(begin);
    return first === undefined ? [] : [without(first, first.keyframeAt), ...rest];
  }

  #send(connection: Connection, block: Block): void {
    if (connection.silent) return;
    let { bytes, first } = block;
    if (connection.shiftTicks === undefined) connection.shiftTicks = RESTART_TICKS - block.ticks;
    if (connection.shiftTicks !== 0) bytes = shifted(bytes, connection.shiftTicks);
    connection.lastBytes = bytes;
    if (!connection.started) {
      connection.started = true;
      if (this.#history.length === 0 || this.#options.burstStart === 'packet') {
        const offset = this.#joinOffset(bytes);
        bytes = bytes.subarray(offset);
        first += Math.ceil(offset / PACKET);
      }
    }
    bytes = bytes.subarray(0, Math.min(bytes.length, connection.remaining));
    connection.remaining -= bytes.length;
    connection.record.bytes += bytes.length;
    const end = first + Math.floor(bytes.length / PACKET);
    connection.record.sent = [connection.record.sent?.[0] ?? first, end];
    connection.response.write(bytes);
    if (connection.remaining === 0) this.cut(connection, { graceful: true });
    else if (connection.response.writableLength > MAX_UNSENT_BYTES) this.cut(connection, {});
  }

  #joinOffset(bytes: Buffer): number {
    const packet = PACKET * Math.floor(this.#random() * (bytes.length / PACKET));
    if (this.#options.join === 'frame') return 0;
    return this.#options.join === 'mid-packet' ? packet + 1 + Math.floor(this.#random() * (PACKET - 1)) : packet;
  }
}

/** The block without its first `offset` bytes, which are whole packets. */
function without(block: Block, offset: number): Block {
  return { ...block, first: block.first + offset / PACKET, bytes: block.bytes.subarray(offset) };
}
