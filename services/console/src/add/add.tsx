/** A new stream: first a test of its source, then the stream, and the command that does the same. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { status } from '../live/live.ts';
import { Command } from '../parts/command.tsx';
import { PlayButton } from '../player/play-button.tsx';
import { ORIGIN } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { hasToken } from '../shell/token.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import { Fields } from './fields.tsx';
import { type Look, sentenceOf } from './look.ts';
import { badHeaders, commandOf, EMPTY, type Form, lookOf, orderOf } from './order.ts';
import type { Profile } from './profile.ts';

/** What a creation answers, as far as the page shows it. */
export interface Created {
  readonly stream_id: string;
  readonly stream_endpoint: string;
  readonly playback_expires_at: string | null;
  readonly existing: boolean;
  readonly warnings?: readonly string[];
}

type Tested =
  | { readonly kind: 'not' }
  | { readonly kind: 'testing' }
  | { readonly kind: 'tested'; readonly look: Look }
  | { readonly kind: 'refused'; readonly reason: string };

const JSON_HEADERS = { 'content-type': 'application/json' };

function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(path, { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) });
}

function reasonOf(error: unknown): string {
  return error instanceof AnswerError && error.message !== '' ? error.message : words.confirm.noAnswer;
}

export function Add() {
  const { add } = words;
  const [form, setForm] = useState<Form>(EMPTY);
  const [profiles, setProfiles] = useState<readonly Profile[]>([]);
  const [tested, setTested] = useState<Tested>({ kind: 'not' });
  const [refusal, setRefusal] = useState<string>();
  const [made, setMade] = useState<{ readonly answer: Created; readonly name: string }>();
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    ask<{ profiles: Profile[] }>('/transcode/profiles').then(
      ({ profiles: all }) => setProfiles(all),
      // Without them the media can still be passed on as it comes.
      () => undefined,
    );
  }, []);

  const change = (next: Form): void => {
    const isSame = JSON.stringify(lookOf(next)) === JSON.stringify(lookOf(form));
    if (!isSame) setTested({ kind: 'not' });
    setForm(next);
  };
  const test = async (): Promise<void> => {
    if (tested.kind === 'testing') return;
    setTested({ kind: 'testing' });
    setRefusal(undefined);
    try {
      setTested({ kind: 'tested', look: await post<Look>('/console/source', lookOf(form)) });
    } catch (error) {
      setTested({ kind: 'refused', reason: reasonOf(error) });
    }
  };
  const create = async (): Promise<void> => {
    const { path, body } = orderOf(form);
    try {
      setMade({ answer: await post<Created>(path, body), name: form.name });
      setRefusal(undefined);
      heading.current?.focus();
    } catch (error) {
      setRefusal(reasonOf(error));
    }
  };
  const again = (): void => {
    setMade(undefined);
    setForm(EMPTY);
    setTested({ kind: 'not' });
    heading.current?.focus();
  };

  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1} ref={heading}>
        {made === undefined ? add.heading : add.made}
      </h1>
      {made === undefined ? (
        <form
          class="order"
          onSubmit={(event) => {
            event.preventDefault();
            void test();
          }}
        >
          <Fields form={form} profiles={profiles} onChange={change} />
          <p class="buttons start">
            <button type="submit" class="main" aria-disabled={tested.kind === 'testing'}>
              {add.test}
            </button>
            <button type="button" disabled={!mayCreate(tested, form)} onClick={() => void create()}>
              {isGood(tested) ? add.create : add.createAnyway}
            </button>
          </p>
          <div role="status">
            <TestResult tested={tested} />
          </div>
          {refusal !== undefined && (
            <p class="bar bad" role="alert">
              {words.confirm.refused(visible(refusal))}
            </p>
          )}
          <Same form={form} />
        </form>
      ) : (
        <Made {...made} onAgain={again} />
      )}
    </main>
  );
}

/** First the test: it costs nothing, and tells what is wrong before anything is created. */
function mayCreate({ kind }: Tested, form: Form): boolean {
  return kind === 'tested' && badHeaders(form).length === 0;
}

function isGood(tested: Tested): boolean {
  return tested.kind !== 'tested' || sentenceOf(tested.look).tone === 'good';
}

export function TestResult({ tested }: { readonly tested: Tested }) {
  const { add } = words;
  if (tested.kind === 'not') return <p class="hint">{add.first}</p>;
  if (tested.kind === 'testing') return <p class="hint">{add.testing}</p>;
  if (tested.kind === 'refused') return <p class="bar bad">{words.confirm.refused(visible(tested.reason))}</p>;
  const { tone, text } = sentenceOf(tested.look);
  return <p class={`bar ${tone}`}>{text}</p>;
}

/** The command, as soon as there is an address. */
function Same({ form }: { readonly form: Form }) {
  const { add } = words;
  if (form.url.trim() === '') return null;
  return (
    <section aria-labelledby="same">
      <h2 id="same">{add.same}</h2>
      <Command text={commandOf(orderOf(form), ORIGIN, hasToken())} label={add.same} />
    </section>
  );
}

interface MadeProps {
  readonly answer: Created;
  readonly name: string;
  readonly onAgain: () => void;
}

export function Made({ answer, name, onAgain }: MadeProps) {
  const { add } = words;
  const { stream_id: id, stream_endpoint: endpoint, existing, warnings = [], playback_expires_at: expires } = answer;
  const shown = name.trim() === '' ? id : name;
  return (
    <>
      <p class={existing ? 'bar warn' : 'bar good'}>{existing ? add.existed : add.created(visible(shown))}</p>
      {warnings.map((text) => (
        <p key={text} class="bar warn">
          {visible(text)}
        </p>
      ))}
      <p>{expires === null ? add.address : add.addressUntil(new Date(expires).toLocaleString())}</p>
      <Command text={ORIGIN + endpoint} label={add.address} />
      <p class="buttons start">
        <PlayButton streamId={id} name={shown} />
        <button type="button" onClick={onAgain}>
          {add.another}
        </button>
      </p>
    </>
  );
}
