/** A link to another page of the console, without loading anything. */

import type { ComponentChildren, TargetedMouseEvent } from 'preact';
import { go } from '../shell/address.ts';

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string | undefined;
  readonly label?: string | undefined;
  readonly current?: boolean;
}

export function Link({ to, children, title, label, current = false, ...rest }: LinkProps) {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    // A new tab, or a download, is the browser's own.
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    go(to);
    scrollTo(0, 0);
  };
  return (
    <a
      href={to}
      onClick={follow}
      title={title}
      aria-label={label}
      aria-current={current ? 'page' : undefined}
      {...rest}
    >
      {children}
    </a>
  );
}
