/** Redis through a proxy, for one worker. The proxy can act when a registry script has answered, before the worker sees it. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ScriptName, scriptText } from '../../services/registry/redis/scripts.ts';
import type { RedisServer } from './redis.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const SCRIPTS = join(import.meta.dirname, '..', '..', 'services', 'registry', 'redis', 'scripts');

export interface RedisTap {
  /** The settings that make a worker use it. */
  readonly env: Record<string, string>;
  /**
   * Calls `then` once, at the next answer to `script` that contains `text`. Afterwards the answer is passed on, or with `'drop'`
   * never.
   */
  onAnswer(script: ScriptName, text: string, then: () => 'drop' | undefined): void;
  /** true: holds Redis's answers until false. */
  hold(on: boolean): void;
  close(): Promise<void>;
}

export async function tapRedis(redis: RedisServer): Promise<RedisTap> {
  let wanted: { script: ScriptName; text: string; then: () => 'drop' | undefined } | undefined;
  let asked = false;
  const proxy: TcpProxy = await startTcpProxy({
    target: { host: redis.host, port: redis.port },
    onRequest: (bytes) => {
      if (wanted !== undefined && names(wanted.script).some((name) => bytes.includes(name))) asked = true;
      return undefined;
    },
    onAnswer: (bytes) => {
      // A script unknown to Redis is sent again in full.
      if (!asked || wanted === undefined || bytes.includes('-NOSCRIPT')) return undefined;
      asked = false;
      if (!bytes.includes(wanted.text)) return undefined;
      const { then } = wanted;
      wanted = undefined;
      return then();
    },
  });
  return {
    env: { REDIS_HOST: '127.0.0.1', REDIS_SERVER_PORT: String(proxy.port) },
    onAnswer: (script, text, then) => {
      wanted = { script, text, then };
    },
    hold: (on) => proxy.holdAnswers(on),
    close: () => proxy.close(),
  };
}

/** What identifies a script's call on the wire: its hash, or its text. */
function names(script: ScriptName): string[] {
  const text = readFileSync(join(SCRIPTS, `${script}.lua`), 'utf8');
  return [createHash('sha1').update(scriptText(script)).digest('hex'), text];
}
