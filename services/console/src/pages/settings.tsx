/** The worker that answers: what it is, how it is set, and what is not right. Nothing is changed here. */

import { useEffect, useState } from 'preact/hooks';
import type { ShownSetting, WorkerAnswer } from '../../../shared/console/worker.ts';
import { duration } from '../../../shared/english/counting.ts';
import { status } from '../live/live.ts';
import { Columns } from '../parts/columns.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

type Read =
  | { readonly kind: 'reading' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'read'; readonly worker: WorkerAnswer };

/** The build writes it beside the scripts. */
const NOTICES = 'THIRD-PARTY-NOTICES.txt';
/** A meaning is a sentence or two of this program, longer than what comes from outside may be. */
const MEANING_CHARACTERS = 1_000;

export function Settings() {
  const [read, setRead] = useState<Read>({ kind: 'reading' });
  const { settings } = words;
  useEffect(() => {
    let isOver = false;
    ask<WorkerAnswer>('/console/worker')
      .then((worker): Read => ({ kind: 'read', worker }))
      .catch((error: unknown): Read => ({ kind: 'failed', reason: error instanceof AnswerError ? error.message : '' }))
      .then((next) => {
        if (!isOver) setRead(next);
      });
    return () => {
      isOver = true;
    };
  }, []);
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{settings.heading}</h1>
      {read.kind === 'reading' && <p class="hint">{words.now.loading}</p>}
      {read.kind === 'failed' && <p class="bar bad">{settings.failed(read.reason)}</p>}
      {read.kind === 'read' && <Shown worker={read.worker} />}
      <p class="small">
        <a href={addressOf(NOTICES)}>{settings.notices}</a>
      </p>
    </main>
  );
}

export function Shown({ worker }: { readonly worker: WorkerAnswer }) {
  const { settings } = words;
  const { worker_id: id, version, uptime_seconds: uptime, ffmpeg, hardware, warnings } = worker;
  return (
    <>
      <section aria-labelledby="warnings">
        <h2 id="warnings">{settings.warnings}</h2>
        {warnings.length === 0 ? (
          <p class="good">{settings.noWarnings}</p>
        ) : (
          <ul class="warnings">
            {warnings.map(({ kind, text }) => (
              <li key={`${kind} ${text}`} class="bar warn">
                {visible(text, MEANING_CHARACTERS)}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section aria-labelledby="worker">
        <h2 id="worker">{settings.worker}</h2>
        <dl class="facts">
          <Fact name={settings.name} value={id} />
          <Fact name={settings.version} value={version} />
          <Fact name={settings.uptime} value={duration(uptime * 1_000)} />
          <Fact name={settings.ffmpeg} value={settings.ffmpegAt(ffmpeg.version, ffmpeg.path)} />
          <Fact name={settings.encoder} value={encoderOf(hardware)} />
        </dl>
      </section>
      <Values settings={worker.settings} />
    </>
  );
}

function encoderOf({ asked, type, device, hevc, reason }: WorkerAnswer['hardware']): string {
  const { settings } = words;
  if (type !== 'cpu') return settings.hardware(type, device ?? '', hevc);
  return reason === null ? settings.cpu : settings.cpuBecause(asked, reason);
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{visible(value, MEANING_CHARACTERS)}</dd>
    </div>
  );
}

function Values({ settings: all }: { readonly settings: readonly ShownSetting[] }) {
  const [isShort, setShort] = useState(false);
  const { settings } = words;
  const shown = isShort ? all.filter(({ source }) => source === 'environment') : all;
  const groups = [...new Set(shown.map(({ group }) => group))];
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">{settings.settings}</h2>
      <p>
        <label>
          <input type="checkbox" checked={isShort} onChange={({ currentTarget }) => setShort(currentTarget.checked)} />{' '}
          {settings.onlySet}
        </label>
      </p>
      {groups.length === 0 && <p class="hint">{settings.nothingSet}</p>}
      {groups.map((group) => (
        <table key={group} class="settings">
          <caption>{visible(group)}</caption>
          <Columns words={settings.columns} columns={[['name'], ['value'], ['default', 'wide'], ['source', 'wide']]} />
          <tbody>
            {shown
              .filter((each) => each.group === group)
              .map((each) => (
                <Row key={each.name} setting={each} />
              ))}
          </tbody>
        </table>
      ))}
    </section>
  );
}

function Row({ setting: { name, value, default: usual, source, meaning } }: { readonly setting: ShownSetting }) {
  const { settings } = words;
  return (
    <tr>
      <th scope="row">
        <code>{visible(name)}</code>
        <span class="hint small block">
          <Meaning text={visible(meaning, MEANING_CHARACTERS)} />
        </span>
      </th>
      <td>
        {value === null ? <span class="hint">{settings.none}</span> : <Outside text={value} />}
        {source === 'environment' && <span class="narrow">{settings.sources.environment}</span>}
      </td>
      <td class="wide">
        <span class="hint">{usual === '' ? settings.none : <Meaning text={visible(usual, MEANING_CHARACTERS)} />}</span>
      </td>
      <td class="wide">
        {source === 'environment' ? <strong>{settings.sources.environment}</strong> : settings.sources.default}
      </td>
    </tr>
  );
}

/** What stands between backticks is code, as in the docs. */
function Meaning({ text }: { readonly text: string }) {
  return <>{text.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>;
}
