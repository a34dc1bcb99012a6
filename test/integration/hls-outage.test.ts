// A source is away for a few seconds while players watch: they keep the last playlist and its segments, and go on when it is back.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { HlsProvider, hlsForm } from '../support/hls-provider.ts';
import { judgeTs } from '../support/judge/index.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const ENV = { HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '4', STREAM_RETRY_DELAY: '0.2' };
const OUTAGE_MS = 8_000;
const RELOAD_MS = 200;

/** A player that never stops to reload its playlist, and fetches each segment that this names. */
class Player {
  /** All that was not answered as it should be. */
  readonly wrong: string[] = [];
  readonly bytes: Buffer[] = [];
  readonly numbers: number[] = [];
  /** Of the newest playlist. */
  text = '';
  readonly #variant: URL;
  #isOver = false;
  #hasAll = false;
  #playing: Promise<void> = Promise.resolve();

  private constructor(variant: URL) {
    this.#variant = variant;
  }

  static async start(entry: string): Promise<Player> {
    const answer = await fetch(entry);
    const text = await answer.text();
    const uri = text.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    if (answer.status !== 200 || uri === undefined) throw new Error(`the entry answers ${answer.status}: ${text}`);
    const player = new Player(new URL(uri, entry));
    player.#playing = player.#play();
    return player;
  }

  async #get(address: URL): Promise<Buffer> {
    const answer = await fetch(address);
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200)
      this.wrong.push(`${address.pathname.split('/').at(-1)}${address.search} answers ${answer.status}: ${body}`);
    return body;
  }

  async #play(): Promise<void> {
    try {
      await this.#reload();
    } catch (error) {
      // Nobody waits for this promise while the test runs.
      this.wrong.push(String((error as Error).cause ?? error));
    }
  }

  async #reload(): Promise<void> {
    for (; !this.#isOver; await sleep(RELOAD_MS)) {
      this.text = (await this.#get(this.#variant)).toString();
      const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(this.text)?.[1]);
      const addresses = this.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      this.#hasAll = false;
      for (const [at, address] of addresses.entries()) {
        if (first + at <= (this.numbers.at(-1) ?? first)) continue;
        this.numbers.push(first + at);
        this.bytes.push(await this.#get(new URL(address, this.#variant)));
      }
      this.#hasAll = true;
    }
  }

  /** Waits for so many segments more, and until it has all that is listed. */
  async more(count: number, what: string): Promise<void> {
    const wanted = this.numbers.length + count;
    const isOver = (): boolean => this.wrong.length > 0 || (this.numbers.length >= wanted && this.#hasAll);
    await until(isOver, { what, timeoutMs: 20_000 });
    expect(this.wrong).toEqual([]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#playing;
  }
}

/** Seconds of media that the live source sends at once. */
const BURST = 3;

/** @param away takes the source away, and brings it back */
async function expectNothingWrong(player: Player, away: (isAway: boolean) => Promise<void>): Promise<void> {
  // A source that has not played is given up after STREAM_RETRY_ATTEMPTS.
  await player.more(BURST + 2, 'the player to play');
  const had = player.numbers.length;
  await away(true);
  await sleep(OUTAGE_MS / 2);
  const last = player.text;
  // What there was when it went.
  expect(player.numbers.length - had).toBeLessThan(5);
  await sleep(OUTAGE_MS / 2);
  expect(player.text).toBe(last);
  await away(false);
  await player.more(3, 'the player to go on');
  await player.stop();
  expect(player.wrong).toEqual([]);
  expect(player.numbers).toEqual(player.numbers.map((_, at) => (player.numbers[0] as number) + at));
}

staged.concurrent.for([
  ['an FFmpeg encodes', { profile: LIGHT }],
  ['is passed on', { share: true }],
] as const)(
  'own segments of what %s stay where they are while the source is away for 8 s, and go on with the next number',
  { timeout: 60_000 },
  async ([, how], { stage }) => {
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: BURST });
    const worker = await stage.worker(ENV);
    const { stream_id } =
      'profile' in how
        ? await worker.api.createTranscode({ url: source.url, ...how })
        : await worker.api.createStream({ url: source.url, ...how });
    const player = await Player.start(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
    await expectNothingWrong(player, async (isAway) => {
      await source.refuseTcp(isAway);
      if (isAway) await source.cutConnections();
    });
    for (const pid of judgeTs(Buffer.concat(player.bytes)).pids) {
      expect(pid).toMatchObject({ continuityErrors: [], dtsBackSteps: [], partialPes: [] });
    }
    // Its session would stay for three of the longest segments.
    expect((await worker.api.del(`/streams/${stream_id}`)).status).toBe(200);
  },
);

/** Of its files, and how many of them there are. */
const THEIRS_MS = 2_000;
const FILES = 4;
const WINDOW = 8;

staged.concurrent(
  'an HLS source that is away for 8 s is served as it was, and goes on with the next number',
  { timeout: 60_000 },
  async ({ stage }) => {
    let isAway = false;
    const startMs = performance.now();
    const provider = await HlsProvider.start(({ path }, response) => {
      if (isAway) {
        response.destroy();
        return true;
      }
      if (path !== '/live/index.m3u8') return false;
      const first = Math.floor((performance.now() - startMs) / THEIRS_MS);
      const lines = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`];
      for (let n = first; n < first + WINDOW; n++) lines.push('#EXTINF:2,', `/ts/seg${n % FILES}.ts?n=${n}`);
      response.end(`${lines.join('\n')}\n`);
      return true;
    });
    stage.closeAfter(() => provider.close());
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createStream({ url: `${provider.origin}/live/index.m3u8` });
    const player = await Player.start(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
    await expectNothingWrong(player, async (away) => {
      isAway = away;
    });
    const folder = await hlsForm('ts');
    const files = await Promise.all(Array.from({ length: FILES }, (_, n) => readFile(join(folder, `seg${n}.ts`))));
    const same = player.numbers.map((n, at) => player.bytes[at]?.equals(files[n % FILES] as Buffer));
    expect(same).toEqual(player.numbers.map(() => true));
  },
);
