/** The shared processes of a stream: who watches each, who makes it since when, and who relays it. */

import type { OneStream, ShownSlot } from '../../../shared/console/one-stream.ts';
import { Columns } from '../parts/columns.tsx';
import { Outside } from '../parts/outside.tsx';
import { count, localTime, utc } from '../words/numbers.ts';
import { words } from '../words/words.ts';

/** Names in one line; a cluster may have hundreds of workers. */
const MOST_RELAYS = 5;
/** Redis makes an epoch of its time in ms. A smaller one is of a worker without Redis, or was not granted yet. */
const FIRST_TIME_MS = Date.UTC(2020);

export function Slots({ stream: { slots } }: { readonly stream: Pick<OneStream, 'slots'> }) {
  const { stream: said } = words;
  if (slots.length === 0) return null;
  return (
    <section aria-labelledby="slots">
      <h2 id="slots">{said.slots}</h2>
      <table>
        <Columns
          words={said.columns}
          columns={[['slot', 'number'], ['viewers', 'number'], ['worker'], ['owned', 'wide'], ['relays', 'wide']]}
        />
        <tbody>
          {slots.map((slot) => (
            <tr key={slot.slot}>
              <td class="number">{count(slot.slot)}</td>
              <td class="number">{count(slot.viewers)}</td>
              <td>
                {slot.worker === undefined ? '–' : <Outside text={slot.worker} />}
                <span class="narrow">
                  {said.columns.owned}: <Epoch epoch={slot.epoch} /> · {said.columns.relays}:{' '}
                  <Relays relays={slot.relays} />
                </span>
              </td>
              <td class="wide">
                <Epoch epoch={slot.epoch} />
              </td>
              <td class="wide">
                <Relays relays={slot.relays} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Epoch({ epoch }: Pick<ShownSlot, 'epoch'>) {
  if (epoch === undefined || epoch < FIRST_TIME_MS) return <span>–</span>;
  return (
    <time dateTime={new Date(epoch).toISOString()} title={`${utc(epoch)}, ${words.stream.epoch(epoch)}`}>
      {localTime(epoch, Date.now())}
    </time>
  );
}

function Relays({ relays }: Pick<ShownSlot, 'relays'>) {
  const { stream: said } = words;
  if (relays === undefined) return <span>–</span>;
  if (relays.length === 0) return <span class="hint">{said.noRelay}</span>;
  const more = relays.length - MOST_RELAYS;
  return (
    <>
      {relays.slice(0, MOST_RELAYS).map((worker, at) => (
        <span key={worker}>
          {at > 0 && ', '}
          <Outside text={worker} />
        </span>
      ))}
      {more > 0 && ` ${said.moreRelays(more)}`}
    </>
  );
}
