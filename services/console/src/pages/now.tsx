/** The first page: who watches what, whether anything is wrong, and what pooling saves. */

import type { NowNumbers, NowState } from '../../../shared/console/live.ts';
import { events, state, status } from '../live/live.ts';
import { EventLine } from '../parts/event-line.tsx';
import { Link } from '../parts/link.tsx';
import { LastHour } from '../plots/last-hour.tsx';
import { addressOf } from '../shell/address.ts';
import { FAILURES_FILTER } from '../shell/event-filter.ts';
import { count, megabits } from '../words/numbers.ts';
import { words } from '../words/words.ts';
import { Begin } from './begin.tsx';
import { Playing } from './playing.tsx';

/** So many events stand on this page. */
const LAST_EVENTS = 10;

export function Now() {
  const shown = state.value;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{words.now.heading}</h1>
      {shown !== undefined && 'numbers' in shown ? <Shown now={shown} /> : <p class="hint">{words.now.loading}</p>}
    </main>
  );
}

function Shown({ now }: { readonly now: NowState }) {
  const { numbers } = now;
  return (
    <>
      <Numbers numbers={numbers} />
      {numbers.streams > 0 && <LastHour />}
      {numbers.playing > 0 && <Playing now={now} />}
      {numbers.playing === 0 && numbers.streams > 0 && (
        <section class="empty" aria-labelledby="nobody">
          <h2 id="nobody">{words.now.nobody.heading}</h2>
          <p>{words.now.nobody.text(numbers.streams)}</p>
        </section>
      )}
      {numbers.playing === 0 && numbers.streams === 0 && <Begin />}
      <Recent />
    </>
  );
}

function Numbers({ numbers }: { readonly numbers: NowNumbers }) {
  const { now } = words;
  const { viewers, playing, streams, ffmpegs, saved, sharing, connections, bitsPerSecond, bitsPerSecondIn } = numbers;
  const { joinsLastMinute: joins, failuresLastHour: failures, areMore } = numbers;
  const rate = (value: number | undefined): string => (value === undefined ? '–' : megabits(value));
  const counted = (value: number): string => (areMore === true ? now.atLeast(count(value)) : count(value));
  return (
    <dl class="numbers">
      <Figure name={now.viewers} value={count(viewers)} />
      <Figure name={now.playing} value={count(playing)} note={now.playingOf(streams)} />
      <Figure
        name={now.ffmpegs}
        title={now.ffmpegsTitle}
        value={count(ffmpegs)}
        note={now.sharing(sharing, ffmpegs, connections)}
      />
      <Figure name={now.saved} title={now.savedTitle} value={count(saved)} />
      <Figure name={now.connections} value={count(connections)} />
      <Figure name={now.out} value={rate(bitsPerSecond)} note={now.in(rate(bitsPerSecondIn))} />
      <Figure name={now.joins} value={joins === undefined ? '–' : counted(joins)} />
      <div class={failures === undefined || failures === 0 ? 'figure' : 'figure warn'}>
        <dt>{now.failures}</dt>
        <dd>
          {failures === undefined ? (
            '–'
          ) : (
            <Link to={addressOf('events', { type: FAILURES_FILTER })} label={now.failuresLink(counted(failures))}>
              {counted(failures)}
            </Link>
          )}
        </dd>
      </div>
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
  /** What the number means, in words. */
  readonly note?: string;
}

function Figure({ name, value, title, note }: FigureProps) {
  return (
    <div class="figure" title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note !== undefined && <dd class="note">{note}</dd>}
    </div>
  );
}

function Recent() {
  const last = events.value.slice(0, LAST_EVENTS);
  return (
    <section aria-labelledby="recent">
      <h2 id="recent">{words.now.recent}</h2>
      {last.length === 0 ? (
        <p class="hint">{words.now.noEvents}</p>
      ) : (
        <ol class="events">
          {last.map((event) => (
            <EventLine key={event.event_id} event={event} />
          ))}
        </ol>
      )}
      <p>
        <Link to={addressOf('events')}>{words.now.allEvents}</Link>
      </p>
    </section>
  );
}
