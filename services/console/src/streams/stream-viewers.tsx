/** Who watches a stream. */

import type { ViewerPage } from '../../../shared/console/lists.ts';
import { useAnswer } from '../live/answer.ts';
import { Answered } from '../parts/answered.tsx';
import { Link } from '../parts/link.tsx';
import { addressOf } from '../shell/address.ts';
import { ViewerTable } from '../viewers/viewer-table.tsx';
import { words } from '../words/words.ts';

/** The rest is a page of its own. */
const SHOWN = 20;

export function StreamViewers({ id, viewers }: { readonly id: string; readonly viewers: number }) {
  const asked = useAnswer<ViewerPage>(`/clients?${new URLSearchParams({ stream_id: id, limit: String(SHOWN) })}`);
  return (
    <section aria-labelledby="viewers">
      <h2 id="viewers">{words.viewers.heading}</h2>
      <Answered asked={asked}>
        {({ clients, total }) =>
          clients.length === 0 ? (
            <p class="hint">{viewers === 0 ? words.stream.nobody : words.now.loading}</p>
          ) : (
            <>
              <ViewerTable rows={clients} ofOneStream onChange={asked.again} />
              {total > clients.length && (
                <p>
                  <Link to={addressOf('viewers', { stream_id: id })}>{words.stream.allViewers(total)}</Link>
                </p>
              )}
            </>
          )
        }
      </Answered>
    </section>
  );
}
