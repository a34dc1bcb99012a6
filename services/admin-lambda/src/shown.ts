/**
 * Turns records into answers of the admin API, field by field with one rule, so that no record is declared twice. Pure.
 *
 * @example shown({ workerId: 'a', startedAtMs: 0, zone: null }) // { worker_id: 'a', started_at: '1970-01-01T00:00:00.000Z', zone: null }
 */

type Snake<Text extends string> = Text extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Tail>}`
  : '';

type IsTime = `${string}Ms`;

/** Names with underscores; `createdAtMs` becomes `created_at`, as ISO 8601. */
export type Shown<Fields> = {
  [Name in keyof Fields & string as Snake<Name extends `${infer Time}Ms` ? Time : Name>]: Name extends IsTime
    ? string | Exclude<Fields[Name], number>
    : Fields[Name];
};

export function shown<Fields extends object>(fields: Fields): Shown<Fields> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => field(name, value))) as Shown<Fields>;
}

function field(name: string, value: unknown): [string, unknown] {
  if (!name.endsWith('Ms')) return [snake(name), value];
  return [snake(name.slice(0, -'Ms'.length)), typeof value === 'number' ? new Date(value).toISOString() : value];
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
