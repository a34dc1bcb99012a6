/** What a stream was created as: its sources, what is made of them, and what is sent to the provider. */

import { useState } from 'preact/hooks';
import type { OneStream, ShownPage } from '../../../shared/console/one-stream.ts';
import { duration } from '../../../shared/english/counting.ts';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { AnswerError, ask } from '../shell/ask.ts';
import { hasToken } from '../shell/token.ts';
import { mediaOf } from '../words/media.ts';
import { count, megabits, megabytes } from '../words/numbers.ts';
import { words } from '../words/words.ts';

/** Longer texts than a list shows: an address, or all arguments of FFmpeg. */
const WHOLE = 16_000;

export function Definition({ id, stream }: { readonly id: string; readonly stream: OneStream }) {
  const { stream: said } = words;
  const { profile, userAgent, headers, metadata, createdAtMs, bytesServed, connections, errors } = stream;
  return (
    <section aria-labelledby="definition">
      <h2 id="definition">{said.definition}</h2>
      <dl class="facts">
        <div>
          <dt>{said.sources}</dt>
          <dd>
            <Sources id={id} stream={stream} />
          </dd>
        </div>
        <div>
          <dt>{said.profile}</dt>
          <dd>
            {profile === undefined ? words.now.direct : <Outside text={profile} />}
            {stream.arguments !== undefined && (
              <details>
                <summary>{said.arguments}</summary>
                <code>
                  <Outside text={stream.arguments} most={WHOLE} />
                </code>
              </details>
            )}
          </dd>
        </div>
        <Media stream={stream} />
        <Fact name={said.type} value={said.types[stream.type] ?? stream.type} />
        <Fact name={said.id} value={id} />
        <div>
          <dt>{said.created}</dt>
          <dd>
            <Moment ms={createdAtMs} />
          </dd>
        </div>
        <Fact name={said.connections} value={count(connections)} />
        <Fact name={said.served} value={`${megabytes(bytesServed)} MB`} />
        {errors > 0 && <Fact name={said.errors} value={count(errors)} />}
        <Fact name={said.userAgent} value={userAgent} />
        {Object.entries(headers).map(([name, value]) => (
          <Fact key={name} name={said.header(name)} value={value} />
        ))}
      </dl>
      {Object.keys(metadata).length > 0 && (
        <details>
          <summary>{said.metadata}</summary>
          <dl class="facts">
            {Object.entries(metadata).map(([name, value]) => (
              <div key={name}>
                <dt>
                  <Outside text={name} />
                </dt>
                <dd>
                  <Outside text={value} />
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

/** What comes in and what goes out, as far as anybody knows it. */
function Media({ stream }: { readonly stream: OneStream }) {
  const { stream: said } = words;
  const { input, output, arrival, bitsPerSecond } = stream;
  const comes = mediaOf(input ?? {});
  const goes = mediaOf(output ?? {});
  return (
    <>
      {comes !== '' && (
        <Fact name={said.comesIn} value={[comes, rateOf(arrival?.bitsPerSecond)].filter(Boolean).join(', ')} />
      )}
      {arrival?.bufferMs !== undefined && <Fact name={said.buffer} value={duration(arrival.bufferMs)} />}
      {arrival?.lastByteAgoMs !== undefined && arrival.lastByteAgoMs >= NOTICED_MS && (
        <Fact name={said.silentFor} value={duration(arrival.lastByteAgoMs)} />
      )}
      {arrival?.repairs !== undefined && arrival.repairs > 0 && (
        <Fact name={said.repairs} value={count(arrival.repairs)} />
      )}
      {goes !== '' && <Fact name={said.goesOut} value={[goes, rateOf(bitsPerSecond)].filter(Boolean).join(', ')} />}
    </>
  );
}

function rateOf(bitsPerSecond: number | undefined): string {
  return bitsPerSecond === undefined ? '' : `${megabits(bitsPerSecond)} Mbit/s`;
}

/** Media that comes in pieces is silent for a second now and then. */
const NOTICED_MS = 2_000;

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Outside text={value} />
      </dd>
    </div>
  );
}

interface Whole {
  readonly original_url: string;
  readonly failover_urls: readonly string[];
}

/** How the media of a web page was found. The page may say what it likes. */
function FoundOn({ page }: { readonly page: ShownPage }) {
  const { stream: said } = words;
  const { program, asked, hasCookies, found, endsAtMs } = page;
  return (
    <>
      <p>
        <Outside text={said.page(program, asked)} most={WHOLE} /> {hasCookies && said.withCookies}
      </p>
      {found !== undefined && (
        <p>
          {said.found}{' '}
          <code>
            <Outside text={found} most={WHOLE} />
          </code>
        </p>
      )}
      {endsAtMs !== undefined && (
        <p class="hint">
          {said.foundAnew} <Moment ms={endsAtMs} />
        </p>
      )}
    </>
  );
}

/** In their order, with a sign at the one that plays. Masked, until somebody with the token wants to see them. */
function Sources({ id, stream }: { readonly id: string; readonly stream: OneStream }) {
  const { source, backups, backup, page, resolver, failovers, failedOverMs } = stream;
  const [whole, setWhole] = useState<Whole>();
  const [failure, setFailure] = useState<string>();
  const { stream: said, now } = words;
  const show = async (): Promise<void> => {
    try {
      const answer = await ask<{ stream: Whole }>(`/streams/${encodeURIComponent(id)}`);
      setWhole(answer.stream);
      setFailure(undefined);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      setFailure(error.message);
    }
  };
  const urls = whole === undefined ? [source, ...backups] : [whole.original_url, ...whole.failover_urls];
  return (
    <>
      <ol class="sources">
        {urls.map((url, at) => (
          <li key={at} class={at === backup ? 'current' : ''}>
            {at === 0 ? now.primary : now.backup(at)}
            {at === backup && <span class="tag">{said.current}</span>}
            <br />
            <code>
              <Outside text={url} most={WHOLE} />
            </code>
          </li>
        ))}
      </ol>
      {page !== undefined && <FoundOn page={page} />}
      {resolver !== undefined && (
        <p>
          {said.resolver} <code>{<Outside text={resolver} most={WHOLE} />}</code>
        </p>
      )}
      {failedOverMs !== undefined && (
        <p class="hint">
          {said.failovers(failovers)} <Moment ms={failedOverMs} />
        </p>
      )}
      {hasToken() && (
        <button type="button" class="quiet" onClick={() => (whole === undefined ? void show() : setWhole(undefined))}>
          {whole === undefined ? said.showWhole : said.hideWhole}
        </button>
      )}
      {failure !== undefined && <p class="bar bad">{words.list.failed(failure)}</p>}
    </>
  );
}
