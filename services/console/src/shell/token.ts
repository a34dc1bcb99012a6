/** The API token: asked for once, kept for this tab, sent as a header, and never part of an address that is sent. */

import { signal } from '@preact/signals';

const KEY = 'streampool-token';
const FRAGMENT = /^#token=(.*)$/;

export type Access =
  /** Nothing was refused so far. */
  | 'open'
  /** The worker wants a token, or another one. */
  | 'refused';

export const access = signal<Access>('open');
/** Whether the token that was refused was one that somebody gave. */
export const wasGiven = signal(false);

/** Takes a token out of the address, now and later, so that it stays in no history and nobody copies it. */
export function followTokenInAddress(): void {
  takeTokenFromAddress();
  addEventListener('hashchange', takeTokenFromAddress);
}

function takeTokenFromAddress(): void {
  const [, given] = FRAGMENT.exec(location.hash) ?? [];
  if (given === undefined) return;
  history.replaceState(null, '', location.pathname + location.search);
  logIn(decoded(given));
}

/** The headers of every request. */
export function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { 'x-api-token': token };
}

export function logIn(token: string): void {
  if (token !== '') sessionStorage.setItem(KEY, token);
  access.value = 'open';
}

/** The worker has refused the token that there was, or wants one. */
export function noteRefusal(): void {
  // Several requests may be refused at once; the first one has seen whether there was a token.
  if (access.value === 'refused') return;
  wasGiven.value = hasToken();
  forget();
}

export function logOut(): void {
  wasGiven.value = false;
  forget();
}

function forget(): void {
  sessionStorage.removeItem(KEY);
  access.value = 'refused';
}

export function hasToken(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
