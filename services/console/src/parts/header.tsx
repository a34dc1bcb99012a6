/** The head of every page: where one can go, who answers, and the switches. */

import { state } from '../live/live.ts';
import { addressOf, page } from '../shell/address.ts';
import { choose, THEMES, type Theme, theme } from '../shell/theme.ts';
import { hasToken, logOut } from '../shell/token.ts';
import { words } from '../words/words.ts';
import { Link } from './link.tsx';

const PAGES = [
  ['', words.pages.now],
  ['streams', words.pages.streams],
  ['viewers', words.pages.viewers],
  ['recordings', words.pages.recordings],
  ['cluster', words.pages.cluster],
  ['providers', words.pages.providers],
  ['events', words.pages.events],
  ['add', words.pages.add],
  ['settings', words.pages.settings],
] as const;

export function Header() {
  return (
    <header class="head">
      <a class="skip" href="#content">
        {words.skip}
      </a>
      <span class="brand">{words.title}</span>
      <nav aria-label={words.navigation}>
        <ul>
          {PAGES.map(([name, title]) => (
            <li key={name}>
              <Link
                to={addressOf(name)}
                current={page.value === name || (name === 'streams' && page.value === 'stream')}
              >
                {title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Server />
      <label class="theme">
        <span>{words.theme.label}</span>
        <select value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {words.theme[each]}
            </option>
          ))}
        </select>
      </label>
      {hasToken() && (
        <button type="button" class="quiet" onClick={logOut}>
          {words.logOut}
        </button>
      )}
    </header>
  );
}

function Server() {
  const about = state.value?.about;
  if (about === undefined) return <span class="server">{words.connection.opening}</span>;
  return (
    <span class="server" title={words.connection.version(about.version)}>
      {words.connection.servedBy(about.workerId, about.workers)}
    </span>
  );
}
