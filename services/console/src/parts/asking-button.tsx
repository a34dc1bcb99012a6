/** A button that asks back before it does something, and says what it will do. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm } from './confirm.tsx';

interface AskingButtonProps {
  /** On the button, and on the one that does it. */
  readonly label: string;
  /** The same, with what it is about: for those who do not see where it stands. A button with it is one of many, and quiet. */
  readonly named?: string;
  /** What it will do. */
  readonly text: string;
  /** What there is to choose. */
  readonly children?: ComponentChildren;
  /** Throws when a worker refuses it. */
  readonly act: () => Promise<unknown>;
}

export function AskingButton({ label, named, ...asked }: AskingButtonProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class={named === undefined ? undefined : 'quiet'}
        aria-label={named}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {isOpen && <Confirm heading={named ?? label} button={label} onClose={() => setOpen(false)} {...asked} />}
    </>
  );
}
