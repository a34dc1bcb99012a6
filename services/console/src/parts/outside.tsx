/** Text from outside: as text, in a frame of its own that keeps its direction from what stands around it. */

import { visible } from '../words/visible.ts';

interface OutsideProps {
  readonly text: string;
  readonly class?: string;
}

export function Outside({ text, ...rest }: OutsideProps) {
  const shown = visible(text);
  return (
    <bdi title={shown} {...rest}>
      {shown}
    </bdi>
  );
}
