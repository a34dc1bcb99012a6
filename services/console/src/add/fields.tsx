/** The fields of a new stream, each with its label. */

import type { ComponentChildren } from 'preact';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import { badHeaders, type Form } from './order.ts';
import type { Profile } from './profile.ts';

interface FieldsProps {
  readonly form: Form;
  readonly profiles: readonly Profile[];
  readonly onChange: (form: Form) => void;
}

export function Fields({ form, profiles, onChange }: FieldsProps) {
  const { fields } = words.add;
  const set = (changed: Partial<Form>): void => onChange({ ...form, ...changed });
  const profile = profiles.find(({ name }) => name === form.profile);
  const bad = badHeaders(form);
  return (
    <>
      <Field label={fields.url} hint={fields.urlHint} id="url">
        <input
          id="url"
          type="url"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="url-hint"
          value={form.url}
          onInput={({ currentTarget }) => set({ url: currentTarget.value })}
        />
      </Field>
      <Field label={fields.name} hint={fields.nameHint} id="name">
        <input
          id="name"
          aria-describedby="name-hint"
          value={form.name}
          onInput={({ currentTarget }) => set({ name: currentTarget.value })}
        />
      </Field>
      <Field label={fields.profile} hint={profile?.description ?? fields.directHint} id="profile">
        <select
          id="profile"
          aria-describedby="profile-hint"
          value={form.profile}
          onChange={({ currentTarget }) => set({ profile: currentTarget.value, variables: {} })}
        >
          <option value="">{fields.direct}</option>
          {profiles.map(({ name }) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </select>
      </Field>
      {Object.entries(profile?.parameters ?? {}).map(([name, usual]) => (
        <Field key={name} label={visible(name)} hint={fields.usual(visible(usual))} id={`variable-${name}`}>
          <input
            id={`variable-${name}`}
            aria-describedby={`variable-${name}-hint`}
            value={form.variables[name] ?? ''}
            onInput={({ currentTarget }) => set({ variables: { ...form.variables, [name]: currentTarget.value } })}
          />
        </Field>
      ))}
      <details>
        <summary>{fields.more}</summary>
        <Field label={fields.backups} hint={fields.backupsHint} id="backups">
          <textarea
            id="backups"
            rows={3}
            spellcheck={false}
            aria-describedby="backups-hint"
            value={form.backups}
            onInput={({ currentTarget }) => set({ backups: currentTarget.value })}
          />
        </Field>
        <Field label={fields.userAgent} hint={fields.userAgentHint} id="user-agent">
          <input
            id="user-agent"
            aria-describedby="user-agent-hint"
            value={form.userAgent}
            onInput={({ currentTarget }) => set({ userAgent: currentTarget.value })}
          />
        </Field>
        <Field label={fields.headers} hint={fields.headersHint} id="headers">
          <textarea
            id="headers"
            rows={3}
            spellcheck={false}
            aria-describedby="headers-hint"
            aria-invalid={bad.length > 0}
            value={form.headers}
            onInput={({ currentTarget }) => set({ headers: currentTarget.value })}
          />
        </Field>
        {bad.length > 0 && (
          <p class="bar bad" role="alert">
            {fields.badHeader(visible(bad[0]))}
          </p>
        )}
      </details>
    </>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly children: ComponentChildren;
}

function Field({ id, label, hint, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <p id={`${id}-hint`} class="hint small">
        {hint}
      </p>
    </div>
  );
}
