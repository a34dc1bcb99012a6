/** Real players in a real browser, for tests: they play an address as a viewer would, and say what came of it. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { findOnPath } from '../../../services/proxy/src/ffmpeg/host/find-on-path.ts';

/** Undefined: this machine has no browser, and this is no CI, where tests without one fail. `npm test` installs one on Debian. */
export const CHROMIUM =
  process.env.CHROMIUM_PATH ?? findOnPath('chromium') ?? (process.env.CI === undefined ? undefined : 'chromium');

export interface PlayOptions {
  readonly url: string;
  /** From the first picture on. */
  readonly seconds: number;
  readonly lowLatency?: boolean;
  /** The name of the rendition to hear. */
  readonly audio?: string;
}

export interface Played {
  /** From the call until the first picture. */
  readonly startMs: number;
  /** Seconds of media, in `wall` seconds. */
  readonly advanced: number;
  readonly wall: number;
  readonly frames: number;
  readonly audioBytes: number;
  /** Texts of the subtitles that it has loaded. */
  readonly cues: readonly string[];
  /** When each of them begins, in the player's time, s. */
  readonly cueStarts: readonly number[];
  /** Seconds behind the live edge. */
  readonly latency: number;
  /** Seconds since the date that the playlist gives to what is shown; undefined where it gives none. */
  readonly behindDate: number | undefined;
  readonly stalls: number;
  /** The longest time, in ms, in which nothing was played on. */
  readonly longestStallMs: number;
  readonly fatal: readonly string[];
  /** By kind: how many. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface WatchOptions {
  readonly url: string;
  /** That it may take in all. */
  readonly seconds: number;
  /** Where the viewer goes when it has come to a place. In this order. */
  readonly seeks?: readonly { readonly atSeconds: number; readonly toSeconds: number }[];
}

/** What came of a film that a player was to play to its end. */
export interface Watched {
  /** Where it began, where it is, and how long the player holds the film to be, in s. */
  readonly began: number;
  readonly position: number;
  /** null: without an end. */
  readonly duration: number | null;
  /** It has come to the end. */
  readonly ended: boolean;
  readonly frames: number;
  /** For each seek: where it got, and how long that took. */
  readonly reached: readonly { readonly position: number; readonly afterMs: number }[];
  /** The longest time, in ms, in which nothing was played on. */
  readonly longestStallMs: number;
  /** Why the player has given up. */
  readonly fatal: readonly string[];
  /** What it has said of faults with which it plays on. */
  readonly errors: readonly string[];
}

/** What every player says. */
export interface Seen
  extends Pick<Played, 'startMs' | 'advanced' | 'wall' | 'frames' | 'audioBytes' | 'longestStallMs' | 'fatal'> {
  /** As of hls.js; undefined where the player does not tell. */
  readonly behindDate?: number | undefined;
  /** How many parts of segments it has asked for. */
  readonly parts?: number;
}

export type OtherPlayer = 'native' | 'shaka' | 'videojs';

export type WebPlayer = 'hlsjs' | OtherPlayer;

const required = createRequire(import.meta.url);
const FILES: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  '/': { path: fileURLToPath(new URL('hlsjs.html', import.meta.url)), type: 'text/html' },
  '/hls.js': { path: required.resolve('hls.js/dist/hls.min.js'), type: 'text/javascript' },
  '/players': { path: fileURLToPath(new URL('players.html', import.meta.url)), type: 'text/html' },
  '/shaka.js': { path: required.resolve('shaka-player/dist/shaka-player.compiled.js'), type: 'text/javascript' },
  '/video.js': { path: required.resolve('video.js/dist/video.min.js'), type: 'text/javascript' },
};

export class HlsPlayers {
  readonly #browser: Browser;
  readonly #origin: string;
  readonly #close: () => Promise<void>;

  private constructor(browser: Browser, origin: string, close: () => Promise<void>) {
    this.#browser = browser;
    this.#origin = origin;
    this.#close = close;
  }

  static async start(): Promise<HlsPlayers> {
    const server = createServer(async ({ url = '' }, response) => {
      const file = FILES[url];
      if (file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': file.type }).end(await readFile(file.path));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const browser = await chromium.launch({
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
    });
    const close = async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    };
    return new HlsPlayers(browser, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
  }

  /** Plays with hls.js. @throws when no picture comes, or the player gives up */
  async hlsjs(options: PlayOptions): Promise<Played> {
    return this.#play<Played>('/', options);
  }

  /** Plays with another one; `native` is what the browser has itself. @throws when no picture comes, or the player gives up */
  async other(player: OtherPlayer, options: PlayOptions): Promise<Seen> {
    return this.#play<Seen>('/players', { ...options, player });
  }

  /** Plays with any of them. @throws when no picture comes, or the player gives up */
  async play(player: WebPlayer, options: PlayOptions): Promise<Seen> {
    return player === 'hlsjs' ? this.hlsjs(options) : this.other(player, options);
  }

  /** Plays a film until it ends, the player gives up, or the time is over. */
  watch(player: WebPlayer, options: WatchOptions): Promise<Watched> {
    return this.#play<Watched>('/players', { ...options, player }, 'watch');
  }

  async #play<Answer>(path: string, options: object, call = 'play'): Promise<Answer> {
    const page = await this.#browser.newPage();
    try {
      await page.goto(this.#origin + path);
      return await page.evaluate<Answer>(`${call}(${JSON.stringify(options)})`);
    } catch (error) {
      // Vitest takes the places in the page that its stack names for files, and fails on them.
      throw new Error(
        String(error)
          .replace(/^\s+at .*$/gm, '')
          .trim(),
      );
    } finally {
      await page.close();
    }
  }

  close(): Promise<void> {
    return this.#close();
  }
}
