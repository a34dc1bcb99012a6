/** Addresses: where the console stands, which page it shows, and what the page was asked for. */

import { computed, signal } from '@preact/signals';

const OWN = /^(.*)\/console(?:\/([\w-]*))?\/?$/;

/** What stands before `/console`: empty, or `ROOT_PATH`, or what a proxy in front adds. */
export const BASE = OWN.exec(location.pathname)?.[1] ?? '';

/** The address of the worker, or of the load balancer, for commands that people copy. */
export const ORIGIN = `${location.origin}${BASE}`;

interface Place {
  /** `` is the first page. */
  readonly page: string;
  readonly query: string;
}

function here(): Place {
  return { page: OWN.exec(location.pathname)?.[2] ?? '', query: location.search };
}

const place = signal(here());

export const page = computed(() => place.value.page);
export const query = computed(() => new URLSearchParams(place.value.query));

/** The address of a page of the console. */
export function addressOf(name: string, asked: Record<string, string | undefined> = {}): string {
  const given = Object.entries(asked).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [[key, value] as [string, string]],
  );
  const search = new URLSearchParams(given).toString();
  return `${BASE}/console/${name}${search === '' ? '' : `?${search}`}`;
}

/** @param replaces true: going back leads to where one was before this page */
export function go(address: string, replaces = false): void {
  if (replaces) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  place.value = here();
}

export function followHistory(): void {
  addEventListener('popstate', () => {
    place.value = here();
  });
}
