/** Text from outside: as text, in a frame of its own that keeps its direction from what stands around it. */

import { visible } from '../words/visible.ts';

interface OutsideProps {
  readonly text: string;
  /** Characters that are shown; a list shows fewer. */
  readonly most?: number;
}

/** A shorter text has no break in it: `worker-1` would have one at its hyphen. */
const SHORT = 10;

export function Outside({ text, most }: OutsideProps) {
  const shown = visible(text, most);
  return (
    <bdi title={shown} class={shown.length > SHORT ? undefined : 'together'}>
      {shown}
    </bdi>
  );
}
