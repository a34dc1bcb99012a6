/** The console: one of its pages, or the log-in. */

import { useEffect, useRef } from 'preact/hooks';
import type { LiveView } from '../../shared/console/live.ts';
import { look, stopLooking } from './live/live.ts';
import { Cluster } from './pages/cluster.tsx';
import { Events } from './pages/events.tsx';
import { Login } from './pages/login.tsx';
import { Missing } from './pages/missing.tsx';
import { Now } from './pages/now.tsx';
import { Settings } from './pages/settings.tsx';
import { Bars } from './parts/bars.tsx';
import { Header } from './parts/header.tsx';
import { page } from './shell/address.ts';
import { access } from './shell/token.ts';
import { words } from './words/words.ts';

const PAGES = {
  '': { view: 'now', title: words.pages.now, Page: Now },
  cluster: { view: 'cluster', title: words.pages.cluster, Page: Cluster },
  events: { view: 'events', title: words.pages.events, Page: Events },
  settings: { view: 'events', title: words.pages.settings, Page: Settings },
} as const satisfies Record<string, { view: LiveView; title: string; Page: () => unknown }>;

export function App() {
  const isRefused = access.value === 'refused';
  const name = page.value;
  const shown = Object.hasOwn(PAGES, name) ? PAGES[name as keyof typeof PAGES] : undefined;
  useEffect(() => {
    document.title = `${isRefused ? words.login.heading : (shown?.title ?? words.missing.heading)} – ${words.title}`;
    if (isRefused || shown === undefined) stopLooking();
    else look(shown.view);
  }, [shown, isRefused]);
  const isFirst = useRef(true);
  useEffect(() => {
    // Whoever goes on by the keyboard or a screen reader begins at the head of the new page.
    if (!isFirst.current) document.querySelector<HTMLElement>('h1')?.focus();
    isFirst.current = false;
  }, [name]);
  // It leads to no page: the address stays, and so does the way back.
  if (isRefused) return <Login />;
  return (
    <>
      <Header />
      <Bars />
      {shown === undefined ? <Missing /> : <shown.Page />}
    </>
  );
}
