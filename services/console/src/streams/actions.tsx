/** What can be done with a stream: play it, copy its address, record it, move it to another source, stop it. */

import { useState } from 'preact/hooks';
import type { OneStream } from '../../../shared/console/one-stream.ts';
import { AskingButton } from '../parts/asking-button.tsx';
import { Command } from '../parts/command.tsx';
import { Moment } from '../parts/moment.tsx';
import { PlayButton } from '../player/play-button.tsx';
import { RecordButton } from '../recordings/record-button.tsx';
import { addressOf, go, ORIGIN } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

interface ActionsProps {
  readonly id: string;
  readonly stream: OneStream;
}

export function Actions({ id, stream }: ActionsProps) {
  const { stream: said } = words;
  const stop = async (): Promise<void> => {
    await ask(`/streams/${encodeURIComponent(id)}`, { method: 'DELETE' });
    go(addressOf('streams'));
  };
  return (
    <div class="actions">
      <PlayButton streamId={id} name={stream.name} codecs={stream.codecs} />
      <Address id={id} />
      <RecordButton streamId={id} />
      <FailOver id={id} stream={stream} />
      <AskingButton label={said.stop} text={said.stopMeans(stream.viewers)} act={stop} />
    </div>
  );
}

interface Playback {
  readonly playback_url: string;
  /** null: it does not expire. */
  readonly expires_at: string | null;
}

/** The address for a player. With signed playback it is made for whoever asks, and ends some time. */
function Address({ id }: { readonly id: string }) {
  const [playback, setPlayback] = useState<Playback>();
  const [failure, setFailure] = useState<string>();
  const { stream: said, player } = words;
  const make = async (): Promise<void> => {
    try {
      setPlayback(await ask<Playback>(`/streams/${encodeURIComponent(id)}/playback-url`, { method: 'POST' }));
      setFailure(undefined);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      setFailure(error.message);
    }
  };
  return (
    <>
      <button type="button" aria-expanded={playback !== undefined} onClick={() => void make()}>
        {said.address}
      </button>
      {failure !== undefined && <p class="bar bad">{words.confirm.refused(visible(failure))}</p>}
      {playback !== undefined && (
        <div class="address">
          <Command text={ORIGIN + playback.playback_url} label={player.address} />
          {playback.expires_at !== null && (
            <p class="hint">
              {said.expires} <Moment ms={Date.parse(playback.expires_at)} />
            </p>
          )}
        </div>
      )}
    </>
  );
}

function FailOver({ id, stream }: ActionsProps) {
  const { backups, backup, resolver, page, viewers } = stream;
  const [chosen, setChosen] = useState('next');
  const { stream: said, now } = words;
  if (backups.length === 0 && resolver === undefined && page === undefined) return null;
  const move = async (): Promise<void> => {
    await ask(`/streams/${encodeURIComponent(id)}/failover`, {
      method: 'POST',
      ...(chosen === 'next'
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ index: Number(chosen) }) }),
    });
  };
  return (
    <AskingButton label={said.failOver} text={said.failOverMeans(viewers)} act={move}>
      <label>
        {said.failOverTo}{' '}
        <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value="next">{said.nextSource}</option>
          {[now.primary, ...backups.map((_, at) => now.backup(at + 1))].map((name, at) => (
            <option key={name} value={at - 1} disabled={at === backup}>
              {at === backup ? `${name} (${said.current})` : name}
            </option>
          ))}
        </select>
      </label>
    </AskingButton>
  );
}
