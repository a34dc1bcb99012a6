/** As much of a browser as the pages ask for when they are drawn without one, and how drawn pages are read. */

import type { ComponentType } from 'preact';
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';

export const HOSTILE = '<img src=x onerror="alert(1)">"\'\u202e&lt;script>\n';

/** What the page has stored. */
export const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};

/** To be called before the modules of the console are loaded. */
export function browser(path: string): void {
  const url = new URL(path, 'http://proxy.example:8085');
  Object.assign(globalThis, {
    location: url,
    sessionStorage: storage,
    localStorage: storage,
    history: { pushState: () => undefined, replaceState: () => undefined },
  });
}

export function drawing<P extends object>(component: ComponentType<P>, props: P): string {
  return renderToString(h(component, props));
}

/** Without tags, as a reader sees it. */
export function text(html: string): string {
  return html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}
