/** A Redis as one worker sees it through a proxy that can act when a registry script is answered, before the worker hears it. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ScriptName, scriptText } from '../../services/registry/redis/scripts.ts';
import type { RedisServer } from './redis.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const SCRIPTS = join(import.meta.dirname, '..', '..', 'services', 'registry', 'redis', 'scripts');

export interface RedisTap {
  /** What makes a worker use it. */
  readonly env: Record<string, string>;
  /**
   * Calls `then` once, at the next answer to `script` that has `text` in it; the answer goes on afterwards, or (`'drop'`)
   * never.
   */
  onAnswer(script: ScriptName, text: string, then: () => 'drop' | undefined): void;
  /** true: what Redis answers waits until false. */
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
      // A script that Redis does not know yet is sent again in full.
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

/** How a call of a script looks on the wire: by its hash, or by its text. */
function names(script: ScriptName): string[] {
  const text = readFileSync(join(SCRIPTS, `${script}.lua`), 'utf8');
  return [createHash('sha1').update(scriptText(script)).digest('hex'), text];
}
