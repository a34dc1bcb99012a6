/** The console: one of its pages, or the log-in. */

import { useEffect, useRef } from 'preact/hooks';
import type { LiveView } from '../../shared/console/live.ts';
import { look, stopLooking } from './live/live.ts';
import { Login } from './pages/login.tsx';
import { Missing } from './pages/missing.tsx';
import { Now } from './pages/now.tsx';
import { Bars } from './parts/bars.tsx';
import { Header } from './parts/header.tsx';
import { page, query } from './shell/address.ts';
import { type LoadPage, useLoaded } from './shell/loaded.ts';
import { access } from './shell/token.ts';
import { words } from './words/words.ts';

interface ShownPage {
  readonly view: LiveView;
  readonly title: string;
  readonly load: LoadPage;
}

/** The first page comes with the console, the others when somebody goes to them. */
const PAGES: Readonly<Record<string, ShownPage>> = {
  '': { view: 'now', title: words.pages.now, load: async () => Now },
  streams: {
    view: 'events',
    title: words.pages.streams,
    load: async () => (await import('./streams/streams.tsx')).Streams,
  },
  stream: {
    view: 'stream',
    title: words.pages.stream,
    load: async () => (await import('./streams/one-stream.tsx')).OneStream,
  },
  viewers: {
    view: 'events',
    title: words.pages.viewers,
    load: async () => (await import('./viewers/viewers.tsx')).Viewers,
  },
  recordings: {
    view: 'events',
    title: words.pages.recordings,
    load: async () => (await import('./recordings/recordings.tsx')).Recordings,
  },
  cluster: {
    view: 'cluster',
    title: words.pages.cluster,
    load: async () => (await import('./pages/cluster.tsx')).Cluster,
  },
  providers: {
    view: 'providers',
    title: words.pages.providers,
    load: async () => (await import('./providers/providers.tsx')).Providers,
  },
  add: {
    view: 'events',
    title: words.pages.add,
    load: async () => (await import('./add/add.tsx')).Add,
  },
  events: {
    view: 'events',
    title: words.pages.events,
    load: async () => (await import('./pages/events.tsx')).Events,
  },
  settings: {
    view: 'events',
    title: words.pages.settings,
    load: async () => (await import('./pages/settings.tsx')).Settings,
  },
};

export function App() {
  const isRefused = access.value === 'refused';
  const name = page.value;
  const shown = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  const Page = useLoaded(shown?.load);
  const streamId = shown?.view === 'stream' ? (query.value.get('id') ?? '') : '';
  useEffect(() => {
    document.title = `${isRefused ? words.login.heading : (shown?.title ?? words.missing.heading)} – ${words.title}`;
    if (isRefused || shown === undefined) stopLooking();
    else look(shown.view, streamId);
  }, [shown, streamId, isRefused]);
  const isFirst = useRef(true);
  const isThere = shown === undefined || Page !== undefined;
  useEffect(() => {
    if (!isThere) return;
    // Whoever goes on by the keyboard or a screen reader begins at the head of the new page.
    if (!isFirst.current) document.querySelector<HTMLElement>('h1')?.focus();
    isFirst.current = false;
  }, [name, isThere]);
  // It leads to no page: the address stays, and so does the way back.
  if (isRefused) return <Login />;
  return (
    <>
      <Header />
      <Bars />
      {shown === undefined && <Missing />}
      {shown !== undefined && typeof Page === 'function' && <Page />}
      {shown !== undefined && typeof Page !== 'function' && (
        <Loading title={shown.title} hasFailed={Page === 'failed'} />
      )}
    </>
  );
}

function Loading({ title, hasFailed }: { readonly title: string; readonly hasFailed: boolean }) {
  return (
    <main id="content">
      <h1 tabIndex={-1}>{title}</h1>
      {hasFailed ? (
        <p class="bar warn">
          {words.connection.notLoaded}{' '}
          <button type="button" onClick={() => location.reload()}>
            {words.connection.reload}
          </button>
        </p>
      ) : (
        <p class="hint">{words.now.loading}</p>
      )}
    </main>
  );
}
