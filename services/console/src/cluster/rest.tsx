/** The workers that have no box of their own in the drawing: one box, which opens a list of them. */

import type { ClusterState } from '../../../shared/console/live.ts';
import { Link } from '../parts/link.tsx';
import { addressOf } from '../shell/address.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import type { RestBox } from './drawing.ts';
import { stateOf } from './worker-state.ts';

interface RestProps {
  readonly box: RestBox;
  /** Of the drawing. */
  readonly height: number;
  readonly workers: ClusterState['workers'];
}

/** It stands over its box in the drawing, so that the keyboard reaches it, and its list grows below. */
export function Rest({ box, height, workers }: RestProps) {
  const { cluster } = words;
  const place = { marginInlineStart: `${box.x}px`, width: `${box.width}px`, marginTop: `${box.y - height}px` };
  const unlisted = box.workers - box.names.length;
  return (
    <details class="rest" style={place}>
      <summary style={{ minHeight: `${box.height}px` }}>
        <strong>{cluster.more(box.workers)}</strong>
        <span>{cluster.viewers(box.viewers)}</span>
      </summary>
      <ul>
        {box.names.map((name) => {
          const worker = workers[name];
          if (worker === undefined) return null;
          const { text, tone } = stateOf(worker);
          return (
            <li key={name}>
              <Link to={addressOf('events', { worker_id: name })} label={words.now.eventsOf(visible(name))}>
                <bdi>{visible(name)}</bdi>
              </Link>
              {worker.viewers !== undefined && ` ${cluster.viewers(worker.viewers)}, `}
              <span class={tone}>{text}</span>
            </li>
          );
        })}
      </ul>
      {unlisted > 0 && <p class="hint">{cluster.unlisted(unlisted)}</p>}
    </details>
  );
}
