/** What an answer shows, or why there is none. What was there before stays, with the reason above it. */

import type { ComponentChildren } from 'preact';
import type { Asked } from '../live/answer.ts';
import { words } from '../words/words.ts';

interface AnsweredProps<T> {
  readonly asked: Asked<T>;
  readonly children: (answer: T) => ComponentChildren;
}

export function Answered<T>({ asked: { answer, failure }, children }: AnsweredProps<T>) {
  return (
    <>
      {failure !== undefined && <p class="bar bad">{words.list.failed(failure)}</p>}
      {answer === undefined && failure === undefined && <p class="hint">{words.now.loading}</p>}
      {answer !== undefined && <div class={failure === undefined ? '' : 'stale'}>{children(answer)}</div>}
    </>
  );
}
