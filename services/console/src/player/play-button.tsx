/** Opens the player of a stream. The player itself is loaded only then. */

import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

/** A recording, by its URLs from the root of the API. */
export interface PlayedFile {
  readonly id: string;
  /** All of it as MPEG-TS. */
  readonly media: string;
  /** For another player. */
  readonly playlist: string;
}

/** A stream, or a recording. */
export type Played = { readonly streamId: string; readonly file?: never } | { readonly file: PlayedFile };

interface Named {
  readonly name: string;
  /** As RFC 6381 writes them, with commas between; undefined: nobody knows yet. */
  readonly codecs?: string | undefined;
}

export type PlayButtonProps = Named & Played;
export type PlayerProps = PlayButtonProps & { readonly onClose: () => void };

type Shown = 'closed' | 'loading' | 'failed' | ComponentType<PlayerProps>;

export function PlayButton(props: PlayButtonProps) {
  const shown = useSignal<Shown>('closed');
  const open = async (): Promise<void> => {
    if (shown.value === 'loading') return;
    shown.value = 'loading';
    try {
      const { Player } = await import('./player.tsx');
      shown.value = Player;
    } catch {
      // After an update of the worker this page names a file that is not there any more.
      shown.value = 'failed';
    }
  };
  const Player = typeof shown.value === 'string' ? undefined : shown.value;
  return (
    <>
      <button
        type="button"
        class="quiet"
        // A disabled button would lose the focus, and the dialog could not return it.
        aria-disabled={shown.value === 'loading'}
        aria-label={words.player.playNamed(visible(props.name))}
        onClick={() => void open()}
      >
        {words.player.play}
      </button>
      {shown.value === 'failed' && <span class="tag warn">{words.player.notLoaded}</span>}
      {Player !== undefined && (
        <Player
          {...props}
          onClose={() => {
            shown.value = 'closed';
          }}
        />
      )}
    </>
  );
}
