/** Plays a stream or a recording in a dialog, by MPEG-TS over HTTP. What this browser cannot play it names, and offers the address. */

import mpegts from 'mpegts.js';
import { useEffect, useRef, useState } from 'preact/hooks';
import { CONSOLE_CLIENT } from '../../../shared/console/lists.ts';
import { Command } from '../parts/command.tsx';
import { ORIGIN } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { nameOf } from '../words/media.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import type { Played, PlayerProps } from './play-button.tsx';

/** A worker from a blob is refused under the policy of the console, and a stream of television needs none. */
const CONFIG = { enableWorker: false, enableWorkerForMSE: false, autoCleanupSourceBuffer: true };

type PlayCost =
  | { readonly state: 'free' | 'second' }
  | { readonly state: 'full'; readonly limit: number; readonly streams: readonly string[] };

type State =
  /** What it would cost at the provider is being asked. */
  | { readonly kind: 'checking' }
  /** It would cost something. Whoever wants to play must say so once more. */
  | { readonly kind: 'asking'; readonly cost: string }
  | { readonly kind: 'opening' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'failed'; readonly reason: string };

export function Player({ name, codecs, onClose, ...played }: PlayerProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  // A recording is there: it costs nothing at a provider.
  const [state, setState] = useState<State>({ kind: played.file === undefined ? 'checking' : 'opening' });
  const [address, setAddress] = useState('');
  const isWanted = state.kind !== 'checking' && state.kind !== 'asking';

  // The browser keeps the focus in the dialog, closes it with Escape, and returns the focus to the button.
  useEffect(() => dialog.current?.showModal(), []);

  const id = played.file === undefined ? played.streamId : played.file.id;
  useEffect(() => {
    if (played.file !== undefined) return;
    let isOver = false;
    const check = async (): Promise<void> => {
      // Whoever cannot be asked does not answer the player either, and that says why.
      const cost = await costOf(id).catch(() => undefined);
      if (!isOver) setState(cost === undefined ? { kind: 'opening' } : { kind: 'asking', cost });
    };
    void check();
    return () => {
      isOver = true;
    };
  }, [id]);

  useEffect(() => {
    if (!isWanted) return;
    let player: ReturnType<typeof mpegts.createPlayer> | undefined;
    let isOver = false;
    const begin = async (): Promise<void> => {
      const { media, address: shown, isLive } = await mediaOf(played);
      if (isOver || video.current === null) return;
      setAddress(shown);
      if (!mpegts.isSupported()) throw new AnswerError(words.player.noMediaSource);
      const unknown = unknownCodecs(codecs);
      if (unknown !== '') throw new AnswerError(words.player.unknownCodecs(unknown));
      player = mpegts.createPlayer({ type: 'mpegts', isLive, url: media }, { ...CONFIG, liveSync: isLive });
      player.attachMediaElement(video.current);
      player.on(
        mpegts.Events.ERROR,
        (type: string, detail: string, info: { msg?: string; code?: number } | undefined) =>
          setState({ kind: 'failed', reason: reasonOf(type, detail, info) }),
      );
      player.load();
      // A browser may want a click first; then its own button is there.
      await Promise.resolve(player.play()).catch(() => undefined);
    };
    begin().catch((error: unknown) =>
      setState({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      isOver = true;
      player?.destroy();
    };
    // The codecs may become known while it plays, and the list signs the URLs of a recording anew each time.
  }, [id, isWanted]);

  const { player: said } = words;
  return (
    <dialog ref={dialog} class="player" aria-labelledby="player-name" onClose={onClose}>
      <h2 id="player-name">
        <bdi>{visible(name)}</bdi>
      </h2>
      {/* biome-ignore lint/a11y/useMediaCaption: the subtitles of a live stream are in the stream */}
      <video ref={video} controls playsInline onPlaying={() => setState({ kind: 'playing' })} />
      <p role="status">{statusOf(state)}</p>
      {state.kind === 'asking' && (
        <p>
          <button type="button" onClick={() => setState({ kind: 'opening' })}>
            {said.playAlone}
          </button>
        </p>
      )}
      {address !== '' && <Command text={address} label={said.address} />}
      <button type="button" onClick={() => dialog.current?.close()}>
        {said.close}
      </button>
    </dialog>
  );
}

function statusOf(state: State): string {
  const { player: said } = words;
  if (state.kind === 'failed') return said.failed(state.reason);
  return state.kind === 'asking' ? state.cost : said[state.kind];
}

/** What is played here, and what another player gets. */
async function mediaOf(played: Played): Promise<{ media: string; address: string; isLive: boolean }> {
  if (played.file !== undefined) {
    const { media, playlist } = played.file;
    return { media: ORIGIN + media, address: ORIGIN + playlist, isLive: false };
  }
  const { playback_url: path } = await ask<{ playback_url: string }>(
    `/streams/${encodeURIComponent(played.streamId)}/playback-url`,
    { method: 'POST' },
  );
  return { media: marked(ORIGIN + path), address: ORIGIN + path, isLive: true };
}

/** What playing a stream here takes from others, in words; undefined: nothing. */
async function costOf(streamId: string): Promise<string | undefined> {
  const { player: said } = words;
  const cost = await ask<PlayCost>(`/console/play?${new URLSearchParams({ stream_id: streamId })}`);
  if (cost.state === 'full') return said.full(cost.limit, cost.streams.map((each) => visible(each)).join(', '));
  return cost.state === 'second' ? said.alone : undefined;
}

/** The same address for a viewer who can be told from others in lists. */
function marked(url: string): string {
  const id = CONSOLE_CLIENT + [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16)).join('');
  return `${url}${url.includes('?') ? '&' : '?'}client_id=${id}`;
}

/** The names of those that this browser cannot play, as far as anybody knows what there is. */
function unknownCodecs(codecs = ''): string {
  return codecs
    .split(',')
    .filter((codec) => codec !== '' && !isKnown(codec))
    .map(nameOf)
    .join(' + ');
}

function isKnown(codec: string): boolean {
  return ['video', 'audio'].some((kind) => MediaSource.isTypeSupported(`${kind}/mp4; codecs="${codec}"`));
}

/** What the player says of an error, for people: the codec, or the answer of the worker. */
function reasonOf(type: string, detail: string, info: { msg?: string; code?: number } | undefined): string {
  if (type === mpegts.ErrorTypes.MEDIA_ERROR) return info?.msg ?? detail;
  return info?.code === undefined || info.code <= 0 ? detail : `${info.code} ${info.msg ?? ''}`;
}
