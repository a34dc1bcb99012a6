/** Records a stream: asks for a name and a length first, and leads to its recordings. */

import { useState } from 'preact/hooks';
import { AskingButton } from '../parts/asking-button.tsx';
import { addressOf, go } from '../shell/address.ts';
import { ask } from '../shell/ask.ts';
import { words } from '../words/words.ts';

/** As the worker takes it. */
const MAX_NAME_CHARACTERS = 200;

export function RecordButton({ streamId }: { readonly streamId: string }) {
  const [name, setName] = useState('');
  const [minutes, setMinutes] = useState('');
  const { recordings } = words;
  const record = async (): Promise<void> => {
    const seconds = Math.round(Number(minutes) * 60);
    await ask(`/streams/${encodeURIComponent(streamId)}/record`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...(name.trim() === '' ? {} : { name: name.trim() }),
        ...(seconds > 0 ? { duration_seconds: seconds } : {}),
      }),
    });
    go(addressOf('recordings', { stream_id: streamId }));
  };
  return (
    <AskingButton label={recordings.record} text={recordings.recordMeans} act={record}>
      <p class="filter">
        <label>
          {recordings.name}{' '}
          <input
            value={name}
            maxLength={MAX_NAME_CHARACTERS}
            placeholder={recordings.nameHint}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label>
          {recordings.minutes}{' '}
          <input
            type="number"
            min={1}
            inputMode="numeric"
            value={minutes}
            placeholder={recordings.minutesHint}
            onInput={({ currentTarget }) => setMinutes(currentTarget.value)}
          />
        </label>
      </p>
    </AskingButton>
  );
}
