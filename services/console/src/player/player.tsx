/** Plays a stream in a dialog, by MPEG-TS over HTTP. What this browser cannot play it names, and offers the address. */

import mpegts from 'mpegts.js';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Command } from '../parts/command.tsx';
import { ORIGIN } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import type { PlayerProps } from './play-button.tsx';

/** A worker from a blob is refused under the policy of the console, and a stream of television needs none. */
const CONFIG = { enableWorker: false, enableWorkerForMSE: false, liveSync: true, autoCleanupSourceBuffer: true };

type State =
  | { readonly kind: 'opening' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'failed'; readonly reason: string };

export function Player({ streamId, name, onClose }: PlayerProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<State>({ kind: 'opening' });
  const [address, setAddress] = useState('');

  // The browser keeps the focus in the dialog, closes it with Escape, and returns the focus to the button.
  useEffect(() => dialog.current?.showModal(), []);

  useEffect(() => {
    let player: ReturnType<typeof mpegts.createPlayer> | undefined;
    let isOver = false;
    const begin = async (): Promise<void> => {
      const { playback_url: path } = await ask<{ playback_url: string }>(
        `/streams/${encodeURIComponent(streamId)}/playback-url`,
        { method: 'POST' },
      );
      if (isOver || video.current === null) return;
      setAddress(ORIGIN + path);
      if (!mpegts.isSupported()) throw new AnswerError(words.player.noMediaSource);
      player = mpegts.createPlayer({ type: 'mpegts', isLive: true, url: ORIGIN + path }, CONFIG);
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
  }, [streamId]);

  const { player: said } = words;
  return (
    <dialog ref={dialog} class="player" aria-labelledby="player-name" onClose={onClose}>
      <h2 id="player-name">
        <bdi>{visible(name)}</bdi>
      </h2>
      {/* biome-ignore lint/a11y/useMediaCaption: the subtitles of a live stream are in the stream */}
      <video ref={video} controls playsInline onPlaying={() => setState({ kind: 'playing' })} />
      <p role="status">{state.kind === 'failed' ? said.failed(state.reason) : said[state.kind]}</p>
      {address !== '' && <Command text={address} label={said.address} />}
      <button type="button" onClick={() => dialog.current?.close()}>
        {said.close}
      </button>
    </dialog>
  );
}

/** What the player says of an error, for people: the codec, or the answer of the worker. */
function reasonOf(type: string, detail: string, info: { msg?: string; code?: number } | undefined): string {
  if (type === mpegts.ErrorTypes.MEDIA_ERROR) return info?.msg ?? detail;
  return info?.code === undefined || info.code <= 0 ? detail : `${info.code} ${info.msg ?? ''}`;
}
