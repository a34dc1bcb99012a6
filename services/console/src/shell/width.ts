/** How wide an element is drawn, in pixels. */

import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** @param first until it is known */
export function useWidth(element: RefObject<HTMLElement | null>, first: number): number {
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const { current } = element;
    if (current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      const now = Math.round(entry?.contentRect.width ?? 0);
      if (now > 0) setWidth(now);
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return width;
}
