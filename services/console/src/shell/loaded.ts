/** A page that is loaded when somebody goes to it: it stands in a file of its own, which the first view does not wait for. */

import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

/** Loads a page. The same function always loads the same one. */
export type LoadPage = () => Promise<ComponentType>;

/** What has come so far: a page that was there once is there at once. */
const known = new Map<LoadPage, ComponentType>();

/** @returns undefined while it is loading; `failed`: its file is not there, as after an update of the worker */
export function useLoaded(load: LoadPage | undefined): ComponentType | 'failed' | undefined {
  const failed = useSignal<LoadPage | undefined>(undefined);
  const loaded = useSignal(0);
  useEffect(() => {
    if (load === undefined || known.has(load)) return;
    failed.value = undefined;
    load().then(
      (page) => {
        known.set(load, page);
        loaded.value += 1;
      },
      () => {
        failed.value = load;
      },
    );
  }, [load]);
  if (load === undefined || loaded.value < 0) return undefined;
  return failed.value === load ? 'failed' : known.get(load);
}
