/** A button that asks back before it does something, and says what it will do. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm } from './confirm.tsx';

interface AskingButtonProps {
  /** On the button, and on the one that does it. */
  readonly label: string;
  /** What it will do. */
  readonly text: string;
  /** What there is to choose. */
  readonly children?: ComponentChildren;
  /** Throws when a worker refuses it. */
  readonly act: () => Promise<unknown>;
}

export function AskingButton({ label, ...asked }: AskingButtonProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && <Confirm heading={label} button={label} onClose={() => setOpen(false)} {...asked} />}
    </>
  );
}
