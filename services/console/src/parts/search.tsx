/** A field to search with. What stands in it goes into the address of the page, so that a search can be passed on. */

import { useEffect, useRef } from 'preact/hooks';
import { words } from '../words/words.ts';

/** Long enough to type another letter. */
const PAUSE_MS = 300;

interface SearchProps {
  readonly label: string;
  /** As the address has it. */
  readonly value: string;
  readonly onSearch: (text: string) => void;
}

export function Search({ label, value, onSearch }: SearchProps) {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const search = (): void => {
    clearTimeout(timer.current);
    const text = field.current?.value.trim() ?? '';
    if (text !== value) onSearch(text);
  };
  useEffect(() => {
    // Going back has changed the address. What somebody types is theirs.
    if (field.current !== null && document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <label>
          {label}{' '}
          <input
            ref={field}
            type="search"
            defaultValue={value}
            maxLength={200}
            placeholder={words.search}
            onInput={() => {
              clearTimeout(timer.current);
              timer.current = setTimeout(search, PAUSE_MS);
            }}
          />
        </label>
      </form>
    </search>
  );
}
