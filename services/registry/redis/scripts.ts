/** The Lua scripts as commands of a connection. Each script's file says its arguments and its answer. */

import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { keys } from './keys.ts';

const NAMES = [
  'create-stream',
  'delete-stream',
  'advance-failover',
  'only-looked-at',
  'join',
  'leave',
  'expire',
  'release-slot',
  'acquire',
  'transfer',
  'release',
  'renew',
  'restore',
  'missing',
  'agree',
  'agree-on-secret',
  'former-secrets',
  'take-connection',
  'return-connection',
  'end-incarnation',
  'forget-owners',
  'index-clients',
  'summarize',
  'drain',
  'undrain',
  'tell-events',
  'put-webhooks',
  'note-webhook',
  'put-broadcast',
  'end-broadcast',
  'remove-broadcast',
  'note-broadcast',
  'note-deployment',
  'find-clients',
  'overview',
  'read-each',
] as const;

export type ScriptName = (typeof NAMES)[number];
export type RunScript = (name: ScriptName, ...args: (string | number)[]) => Promise<unknown>;

/** The names from which scripts build keys. */
const KEY_NAMES = JSON.stringify({
  ...keys,
  stream: keys.stream(''),
  spec: keys.spec(''),
  slots: keys.slots(''),
  clients: keys.clients(''),
});

function source(name: string): string {
  return readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');
}

/** What every script runs after, in this order: each file uses the ones before it. */
const SHARED = [
  'prelude',
  'broadcasts',
  'events',
  'summary',
  'groups',
  'leaving',
  'sessions',
  'drains',
  'placement',
  'ownership',
  'ending',
];

const texts = new Map<ScriptName, string>();

/** A script as Redis receives it. Read once: a simulation has thousands of connections. */
export function scriptText(name: ScriptName): string {
  const text = texts.get(name) ?? [...SHARED, name].map(source).join('\n');
  texts.set(name, text);
  return text;
}

/** Defines the scripts on a connection. Adds the first argument of each, the key names. */
export function defineScripts(redis: Redis): RunScript {
  for (const name of NAMES) redis.defineCommand(name, { numberOfKeys: 0, lua: scriptText(name) });
  type Defined = Record<ScriptName, (...args: (string | number)[]) => Promise<unknown>>;
  const defined = redis as unknown as Defined;
  return (name, ...args) => defined[name](KEY_NAMES, ...args);
}
