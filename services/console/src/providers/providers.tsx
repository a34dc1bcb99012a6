/** The accounts of providers: how many connections are in use, what for, and what went wrong. */

import { useState } from 'preact/hooks';
import type { ProvidersState, ShownAccount } from '../../../shared/console/live.ts';
import { state, status } from '../live/live.ts';
import { Columns } from '../parts/columns.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf } from '../shell/address.ts';
import { count } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

export function Providers() {
  const shown = state.value;
  const { providers } = words;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{providers.heading}</h1>
      {shown !== undefined && 'accounts' in shown ? (
        <Accounts providers={shown} />
      ) : (
        <p class="hint">{words.now.loading}</p>
      )}
    </main>
  );
}

function Accounts({ providers: { accounts, order, total, limit } }: { readonly providers: ProvidersState }) {
  const { providers } = words;
  const { columns } = providers;
  const [search, setSearch] = useState('');
  const wanted = order.filter((name) => matches(accounts[name], search));
  if (order.length === 0) return <p class="hint">{providers.none}</p>;
  return (
    <>
      <p>{limit === undefined ? providers.unlimited : providers.limited(limit)}</p>
      <p class="filter">
        <label>
          {providers.search}{' '}
          <input type="search" value={search} onInput={({ currentTarget }) => setSearch(currentTarget.value)} />
        </label>
      </p>
      {wanted.length === 0 && <p class="hint">{providers.noneFound}</p>}
      {wanted.length > 0 && (
        <table>
          <Columns
            words={columns}
            columns={[['name'], ['connections'], ['streams'], ['refused', 'number'], ['error', 'wide']]}
          />
          <tbody>
            {wanted.map((name) => {
              const account = accounts[name];
              return account === undefined ? null : <Row key={name} account={account} limit={limit} />;
            })}
          </tbody>
        </table>
      )}
      {order.length < total && <p class="hint">{providers.onlyMost(order.length, total)}</p>}
    </>
  );
}

function matches(account: ShownAccount | undefined, search: string): boolean {
  const texts = account === undefined ? [] : [account.host, ...Object.values(account.streams)];
  return texts.some((text) => text.toLowerCase().includes(search.trim().toLowerCase()));
}

function Row({ account, limit }: { readonly account: ShownAccount; readonly limit: number | undefined }) {
  const { providers } = words;
  const { host, number, connections, refused, streams, more, lastError, lastErrorMs } = account;
  const isFull = limit !== undefined && connections >= limit;
  const error = lastError !== undefined && lastErrorMs !== undefined && (
    <>
      <Moment ms={lastErrorMs} /> <Outside text={lastError} />
    </>
  );
  return (
    <tr>
      <th scope="row">
        <Outside text={host} /> <span class="hint">{providers.account(number)}</span>
        {error !== false && <span class="narrow">{error}</span>}
      </th>
      <td>
        {limit === undefined ? (
          count(connections)
        ) : (
          <>
            <meter min={0} max={limit} value={connections} aria-label={providers.used(connections, limit)} />{' '}
            <span class={isFull ? 'together warn' : 'together'}>
              {providers.used(connections, limit)}
              {isFull && ` ${providers.full}`}
            </span>
          </>
        )}
      </td>
      <td>
        <ul class="plain">
          {Object.entries(streams).map(([id, name]) => (
            <li key={id}>
              <Link to={addressOf('stream', { id })}>
                <bdi>{visible(name)}</bdi>
              </Link>
            </li>
          ))}
          {more > 0 && <li class="hint">{providers.more(more)}</li>}
        </ul>
      </td>
      <td class="number">
        {refused > 0 ? (
          <Link class="warn" to={addressOf('events', { type: 'limit_reached' })} label={providers.refusals(refused)}>
            {count(refused)}
          </Link>
        ) : (
          count(0)
        )}
      </td>
      <td class="wide">{error === false ? <span class="hint">{providers.noError}</span> : error}</td>
    </tr>
  );
}
