/** The answer to a question that a page asks again and again while somebody looks. */

import { useEffect, useState } from 'preact/hooks';
import { AnswerError, ask } from '../shell/ask.ts';

/** A list of a thousand streams costs its worker some ms, and nobody reads faster. */
export const AGAIN_MS = 5_000;

export interface Asked<T> {
  /** The last answer; undefined: none has come yet. */
  readonly answer: T | undefined;
  /** Why the last question has no answer. What came before is shown on. */
  readonly failure: string | undefined;
  /** Asks at once, as after a change that this page has made. */
  readonly again: () => void;
}

/** @param path from the root of the API; another one begins anew */
export function useAnswer<T>(path: string, everyMs: number = AGAIN_MS): Asked<T> {
  const [asked, setAsked] = useState<{ path: string; answer?: T; failure?: string }>({ path });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = async (): Promise<void> => {
      // A tab that nobody sees asks nothing. It asks at once when it is shown.
      if (document.visibilityState !== 'hidden') {
        try {
          const answer = await ask<T>(path, { signal: end.signal });
          if (!end.signal.aborted) setAsked({ path, answer });
        } catch (error) {
          const failure = error instanceof AnswerError ? error.message : String(error);
          if (!end.signal.aborted) setAsked((before) => ({ ...(before.path === path ? before : { path }), failure }));
        }
      }
      if (!end.signal.aborted) timer = setTimeout(() => void next(), everyMs);
    };
    const shown = (): void => {
      if (document.visibilityState === 'hidden') return;
      clearTimeout(timer);
      void next();
    };
    document.addEventListener('visibilitychange', shown);
    void next();
    return () => {
      document.removeEventListener('visibilitychange', shown);
      clearTimeout(timer);
      end.abort();
    };
  }, [path, everyMs, turn]);
  const isOther = asked.path !== path;
  return {
    answer: isOther ? undefined : asked.answer,
    failure: isOther ? undefined : asked.failure,
    again: () => setTurn((before) => before + 1),
  };
}
