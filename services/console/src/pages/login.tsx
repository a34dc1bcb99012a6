/** Asks for the token. The worker decides whether it is the right one. */

import { useEffect, useRef } from 'preact/hooks';
import { logIn, wasGiven } from '../shell/token.ts';
import { words } from '../words/words.ts';

export function Login() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { login } = words;
  return (
    <main class="login" id="content">
      <h1>{login.heading}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = field.current?.value.trim() ?? '';
          if (token !== '') logIn(token);
        }}
      >
        {wasGiven.value && (
          <p class="bar bad" role="alert">
            {login.wrong}
          </p>
        )}
        <label>
          {login.label}
          <input ref={field} type="password" autocomplete="current-password" required aria-describedby="token-hint" />
        </label>
        <p id="token-hint" class="hint">
          {login.hint}
        </p>
        <button type="submit">{login.button}</button>
      </form>
    </main>
  );
}
