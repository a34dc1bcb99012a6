/** A part that is loaded when somebody goes to it: it stands in a file of its own, which the first view does not wait for. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Loads a part. The same function always loads the same one. */
export type LoadPage<Props = object> = () => Promise<ComponentType<Props>>;

/** What has come so far, by the function that loads it: a part that was there once is there at once. */
const known = new Map<object, unknown>();

/** @returns undefined while it is loading; `failed`: its file is not there, as after an update of the worker */
export function useLoaded<Props = object>(
  load: LoadPage<Props> | undefined,
): ComponentType<Props> | 'failed' | undefined {
  const [tried, setTried] = useState<LoadPage<Props> | undefined>(undefined);
  useEffect(() => {
    if (load === undefined || known.has(load)) return;
    let isOver = false;
    load()
      .then(
        (part) => void known.set(load, part),
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
  return (known.get(load) as ComponentType<Props> | undefined) ?? (tried === load ? 'failed' : undefined);
}
