/** A question before something is done that cannot simply be taken back. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { AnswerError } from '../shell/ask.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

interface ConfirmProps {
  readonly heading: string;
  /** What will happen. */
  readonly text: string;
  /** What there is to choose. */
  readonly children?: ComponentChildren;
  /** What the button that does it says. */
  readonly button: string;
  /** Does it; the worker's reason stays in the dialog when it refuses. */
  readonly act: () => Promise<unknown>;
  readonly onClose: () => void;
}

export function Confirm({ heading, text, children, button, act, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isActing, setActing] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const { confirm } = words;
  // The browser keeps the focus in the dialog, closes it with Escape, and returns the focus to the button.
  useEffect(() => dialog.current?.showModal(), []);
  const go = async (): Promise<void> => {
    if (isActing) return;
    setActing(true);
    try {
      await act();
      dialog.current?.close();
    } catch (error) {
      setRefusal(error instanceof AnswerError && error.message !== '' ? error.message : confirm.noAnswer);
    } finally {
      setActing(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="confirm"
      aria-labelledby="confirm-heading"
      aria-describedby="confirm-text"
      onClose={onClose}
    >
      <h2 id="confirm-heading">{heading}</h2>
      <p id="confirm-text">{text}</p>
      {children}
      {refusal !== undefined && (
        <p class="bar bad" role="alert">
          {confirm.refused(visible(refusal))}
        </p>
      )}
      <p class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          {confirm.cancel}
        </button>
        <button type="button" class="main" aria-disabled={isActing} onClick={() => void go()}>
          {button}
        </button>
      </p>
    </dialog>
  );
}
