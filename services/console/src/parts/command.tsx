/** A command to copy. */

import { useRef, useState } from 'preact/hooks';
import { words } from '../words/words.ts';

const SHOWN_MS = 2_000;

interface CommandProps {
  readonly text: string;
  /** What the button copies, for those who do not see where it stands. */
  readonly label: string;
}

export function Command({ text, label }: CommandProps) {
  const shown = useRef<HTMLElement>(null);
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copied(text, shown.current))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <div class="command">
      <pre>
        <code ref={shown}>{text}</code>
      </pre>
      <button type="button" onClick={() => void copy()} aria-label={`${words.copy}: ${label}`}>
        {isCopied ? words.copied : words.copy}
      </button>
    </div>
  );
}

/** Without HTTPS a browser gives pages no clipboard: then the text is selected and copied as by hand. */
async function copied(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (element === null) return false;
    getSelection()?.selectAllChildren(element);
    return document.execCommand('copy');
  }
}
