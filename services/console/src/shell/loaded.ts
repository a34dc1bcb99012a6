/** A page that is loaded when somebody goes to it: it stands in a file of its own, which the first view does not wait for. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Loads a page. The same function always loads the same one. */
export type LoadPage = () => Promise<ComponentType>;

/** What has come so far: a page that was there once is there at once. */
const known = new Map<LoadPage, ComponentType>();

/** @returns undefined while it is loading; `failed`: its file is not there, as after an update of the worker */
export function useLoaded(load: LoadPage | undefined): ComponentType | 'failed' | undefined {
  const [tried, setTried] = useState<LoadPage | undefined>(undefined);
  useEffect(() => {
    if (load === undefined || known.has(load)) return;
    let isOver = false;
    load()
      .then(
        (page) => void known.set(load, page),
        () => undefined,
      )
      .finally(() => {
        if (!isOver) setTried(() => load);
      });
    return () => {
      isOver = true;
    };
  }, [load]);
  if (load === undefined) return undefined;
  return known.get(load) ?? (tried === load ? 'failed' : undefined);
}
