/** Text from outside: as text, in a frame of its own that keeps its direction from what stands around it. */

import { visible } from '../words/visible.ts';

interface OutsideProps {
  readonly text: string;
  readonly class?: string;
  /** Characters that are shown; a list shows fewer. */
  readonly most?: number;
}

export function Outside({ text, most, ...rest }: OutsideProps) {
  const shown = visible(text, most);
  return (
    <bdi title={shown} {...rest}>
      {shown}
    </bdi>
  );
}
