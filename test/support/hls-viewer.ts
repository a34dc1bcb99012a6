/** An HLS player for tests: it reads playlists with a strict parser, and segments by their numbers. */

import { parse, setOptions, type types } from 'hls-parser';
import { until } from './until.ts';

// It refuses what the standard does not allow.
setOptions({ strictMode: true });

export interface MediaPlaylist {
  readonly text: string;
  readonly parsed: types.MediaPlaylist;
  /** The numbers of its segments. */
  readonly numbers: readonly number[];
  readonly headers: Headers;
}

export class HlsViewer {
  /** Path and query of the media playlist, on any worker. */
  readonly path: string;
  readonly clientId: string;
  #origin: string;
  /** Of the names of segments, as the newest playlist has them. */
  #extension = 'ts';

  private constructor(origin: string, path: string, clientId: string) {
    this.#origin = origin;
    this.path = path;
    this.clientId = clientId;
  }

  /** Opens an entry. */
  static async open(url: string): Promise<HlsViewer> {
    const answer = await fetch(url);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`the entry answers ${answer.status}: ${text}`);
    const variant = (parse(text) as types.MasterPlaylist).variants[0]?.uri ?? '';
    const { origin, pathname, search } = new URL(variant, url);
    return new HlsViewer(origin, pathname + search, answer.headers.get('x-client-id') ?? '');
  }

  /** The next requests go to another worker. */
  at(origin: string): this {
    this.#origin = origin;
    return this;
  }

  /** @param wish what is added to the query, such as `_HLS_msn=7` */
  async playlist(origin = this.#origin, wish = ''): Promise<MediaPlaylist> {
    const answer = await this.ask(wish, origin);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`the playlist answers ${answer.status}: ${text}`);
    const parsed = parse(text) as types.MediaPlaylist;
    this.#extension = /^segment\.(\w+)/.exec(parsed.segments[0]?.uri ?? '')?.[1] ?? this.#extension;
    // The segment that is being made has parts only.
    const whole = parsed.segments.filter(({ uri }) => uri !== '');
    const numbers = whole.map(({ uri }) => Number(/[?&]n=(\d+)/.exec(uri)?.[1]));
    return { text, parsed, numbers, headers: answer.headers };
  }

  /** The answer to a request for the playlist. */
  ask(wish: string, origin = this.#origin): Promise<Response> {
    const separator = this.path.includes('?') ? '&' : '?';
    return fetch(origin + this.path + (wish === '' ? '' : separator + wish));
  }

  /** The playlist, as soon as it has this segment. */
  async playlistWith(n: number, origin = this.#origin): Promise<MediaPlaylist> {
    return until(
      async () => {
        const playlist = await this.playlist(origin);
        return (playlist.numbers.at(-1) ?? 0) >= n ? playlist : undefined;
      },
      { what: () => `segment ${n} at ${origin}`, everyMs: 100, timeoutMs: 20_000 },
    );
  }

  async answerOf(n: number, origin = this.#origin, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(`segment.${this.#extension}?n=${n}`, origin + this.path), { headers });
  }

  /** An initialisation, by the address that a playlist has of it. */
  async init(uri: string, origin = this.#origin): Promise<Buffer> {
    const answer = await fetch(new URL(uri, origin + this.path));
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) throw new Error(`${uri} answers ${answer.status}: ${bytes}`);
    return bytes;
  }

  /** The answer to a request for a part of a segment. */
  async partAnswer(n: number, p: number, origin = this.#origin): Promise<Response> {
    return fetch(new URL(`segment.m4s?n=${n}&p=${p}`, origin + this.path));
  }

  async part(n: number, p: number, origin = this.#origin): Promise<Buffer> {
    const answer = await this.partAnswer(n, p, origin);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) throw new Error(`part ${p} of segment ${n} answers ${answer.status}: ${bytes}`);
    return bytes;
  }

  async segment(n: number, origin = this.#origin): Promise<Buffer> {
    const answer = await this.answerOf(n, origin);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) throw new Error(`segment ${n} answers ${answer.status}: ${bytes}`);
    return bytes;
  }
}
