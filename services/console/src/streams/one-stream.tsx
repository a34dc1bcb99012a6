/** One stream: what it is made of, who watches it, what has happened to it, and what can be done with it. */

import type { OneStream as Stream } from '../../../shared/console/one-stream.ts';
import { state, status } from '../live/live.ts';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { LastMinutes } from '../plots/last-minutes.tsx';
import { addressOf, query } from '../shell/address.ts';
import { outputOf } from '../words/media.ts';
import { isSlow, speed } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import { Actions } from './actions.tsx';
import { Definition } from './definition.tsx';
import { Slots } from './slots.tsx';
import { StreamEvents } from './stream-events.tsx';
import { StreamViewers } from './stream-viewers.tsx';

export function OneStream() {
  const id = query.value.get('id') ?? '';
  const shown = state.value;
  const isThere = shown !== undefined && 'stream' in shown && shown.stream !== undefined;
  const { stream } = words;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <p class="way">
        <Link to={addressOf('streams')}>{words.pages.streams}</Link>
      </p>
      {isThere && shown.stream !== undefined ? (
        <Shown id={id} stream={shown.stream} />
      ) : (
        <>
          <h1 tabIndex={-1}>{stream.heading}</h1>
          <p class="hint">{shown === undefined ? words.now.loading : stream.none}</p>
        </>
      )}
    </main>
  );
}

function Shown({ id, stream }: { readonly id: string; readonly stream: Stream }) {
  return (
    <>
      <h1 tabIndex={-1}>
        <bdi>{visible(stream.name)}</bdi>
      </h1>
      <Summary stream={stream} />
      <Actions id={id} stream={stream} />
      {stream.samples !== undefined && <LastMinutes id={id} samples={stream.samples} />}
      <div class="columns">
        <div>
          <Definition id={id} stream={stream} />
          <Slots stream={stream} />
          <Lines stream={stream} />
        </div>
        <div>
          <StreamViewers id={id} viewers={stream.viewers} />
          <StreamEvents id={id} />
        </div>
      </div>
    </>
  );
}

/** Characters of a line of FFmpeg. */
const WHOLE_LINE = 2_000;

function Summary({ stream }: { readonly stream: Stream }) {
  const { stream: said, streams, now } = words;
  const { state: kind, sinceMs, viewers, failures = 0, speed: made } = stream;
  return (
    <p class="summary">
      <span class={kind === 'playing' ? 'good' : 'hint'}>{streams.states[kind]}</span>
      {kind === 'playing' && sinceMs !== undefined && (
        <span>
          {said.since} <Moment ms={sinceMs} />
        </span>
      )}
      <span>{said.viewers(viewers)}</span>
      <span>{outputOf(stream)}</span>
      {made !== undefined && (
        <span class={isSlow(made) ? 'warn' : ''} title={now.columns.speedTitle}>
          {said.speed(speed(made))}
          {isSlow(made) && ` – ${now.slow}`}
        </span>
      )}
      {failures > 0 && <span class="warn">{now.restarts(failures)}</span>}
    </p>
  );
}

/** What FFmpeg has said last: the reason when something is wrong. */
function Lines({ stream: { lines } }: { readonly stream: Stream }) {
  if (lines === undefined || lines.length === 0) return null;
  return (
    <section aria-labelledby="lines">
      <h2 id="lines">{words.stream.lines}</h2>
      <pre class="lines">{lines.map((line) => visible(line, WHOLE_LINE)).join('\n')}</pre>
    </section>
  );
}
