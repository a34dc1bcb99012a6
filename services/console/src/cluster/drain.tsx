/** Lets a worker take nothing new, or take viewers again: after a question that says what will happen to whom. */

import { useState } from 'preact/hooks';
import type { ShownWorker } from '../../../shared/console/live.ts';
import { Confirm } from '../parts/confirm.tsx';
import { ask } from '../shell/ask.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

interface DrainProps {
  readonly name: string;
  readonly worker: ShownWorker;
  /** Other workers that take viewers. */
  readonly others: number;
}

/** Nothing for a worker that is not there, or that drains for a reason that nobody can take back. */
export function Drain({ name, worker: { state, reason, viewers = 0, ffmpegs = 0 }, others }: DrainProps) {
  const [isAsking, setAsking] = useState(false);
  const { drain, undrain } = words.cluster;
  const isDraining = state === 'draining';
  if (state === 'gone' || (isDraining && reason !== 'told')) return null;
  const shown = visible(name);
  const said = isDraining
    ? { ...undrain, consequences: undrain.consequences(shown) }
    : { ...drain, consequences: drain.consequences(shown, viewers, ffmpegs, others) };
  return (
    <>
      <button type="button" class="quiet" aria-label={said.named(shown)} onClick={() => setAsking(true)}>
        {said.button}
      </button>
      {isAsking && (
        <Confirm
          heading={said.named(shown)}
          text={said.consequences}
          button={said.button}
          act={() =>
            ask(`/workers/${encodeURIComponent(name)}/${isDraining ? 'undrain' : 'drain'}`, { method: 'POST' })
          }
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
