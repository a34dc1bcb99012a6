/** The table of what plays now, the most viewers first. On a narrow screen its columns become lines below the name. */

import type { NowState, PlayingStream } from '../../../shared/console/live.ts';
import { Columns } from '../parts/columns.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { PlayButton } from '../player/play-button.tsx';
import { addressOf } from '../shell/address.ts';
import { mediaOf, outputOf } from '../words/media.ts';
import { count, isSlow, speed } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

export function Playing({ now: { streams, order, numbers } }: { readonly now: NowState }) {
  const { columns } = words.now;
  return (
    <section aria-labelledby="playing">
      <h2 id="playing">{words.now.streams}</h2>
      <table>
        <Columns
          words={columns}
          columns={[
            ['name'],
            ['viewers', 'number'],
            ['out', 'wide'],
            ['speed', 'number'],
            ['source', 'wide'],
            ['owner', 'wide'],
            ['since', 'wide'],
          ]}
          action={words.player.play}
        />
        <tbody>
          {order.map((id) => {
            const stream = streams[id];
            return stream === undefined ? null : <Row key={id} id={id} stream={stream} />;
          })}
        </tbody>
      </table>
      {order.length < numbers.playing && <p class="hint">{words.now.onlyMost(order.length, numbers.playing)}</p>}
    </section>
  );
}

function Row({ id, stream }: { readonly id: string; readonly stream: PlayingStream }) {
  const { name, viewers, owner, sinceMs } = stream;
  return (
    <tr>
      <th scope="row">
        <Link to={addressOf('stream', { id })} class="name" title={visible(name)}>
          <bdi>{visible(name)}</bdi>
        </Link>
        <span class="narrow">
          <Media stream={stream} /> · <Source stream={stream} />
          {owner !== undefined && (
            <>
              {' · '}
              <Outside text={owner} />
            </>
          )}
        </span>
      </th>
      <td class="number">{count(viewers)}</td>
      <td class="wide">
        <Media stream={stream} />
      </td>
      <td class="number">
        <Speed stream={stream} />
      </td>
      <td class="wide">
        <Source stream={stream} />
      </td>
      <td class="wide">{owner === undefined ? '–' : <Outside text={owner} />}</td>
      <td class="wide">{sinceMs === undefined ? '–' : <Moment ms={sinceMs} />}</td>
      <td class="number">
        <PlayButton streamId={id} name={name} codecs={stream.codecs} />
      </td>
    </tr>
  );
}

/** What comes in, as far as anybody knows it, and what goes out. */
function Media({ stream }: { readonly stream: PlayingStream }) {
  const input = mediaOf(stream.input ?? {});
  return (
    <>
      {input !== '' && <span class="hint">{input} → </span>}
      {outputOf(stream)}
    </>
  );
}

function Source({ stream: { sourceHost, backup } }: { readonly stream: PlayingStream }) {
  return (
    <span class={backup > 0 ? 'source warn' : 'source'}>
      <Outside text={sourceHost} /> {backup > 0 ? words.now.backup(backup) : words.now.primary}
    </span>
  );
}

function Speed({ stream: { speed: value, failures = 0 } }: { readonly stream: PlayingStream }) {
  return (
    <>
      {value === undefined ? '–' : speed(value)}
      {value !== undefined && isSlow(value) && <span class="tag warn">{words.now.slow}</span>}
      {failures > 0 && <span class="tag warn">{words.now.restarts(failures)}</span>}
    </>
  );
}
