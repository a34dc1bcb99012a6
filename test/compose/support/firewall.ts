/** What a Docker engine changes in the network of its machine and leaves behind: remembered before, taken back after. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { command } from './command.ts';

const TABLES = ['filter', 'nat'] as const;
const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
/** Of its default network, and of those that are made. */
const BRIDGE = /^(docker0|br-[0-9a-f]{12})$/;

export class Firewall {
  readonly #rules: ReadonlyMap<string, readonly string[]>;
  readonly #forwarding = readFileSync(FORWARDING, 'utf8');
  readonly #bridges = bridges();

  private constructor(rules: ReadonlyMap<string, readonly string[]>) {
    this.#rules = rules;
  }

  static async remember(): Promise<Firewall> {
    const rules = new Map<string, readonly string[]>();
    for (const table of TABLES) rules.set(table, await rulesOf(table));
    return new Firewall(rules);
  }

  /** Whatever else was changed meanwhile stays. */
  async restore(): Promise<void> {
    for (const table of TABLES) {
      for (const args of undo(this.#rules.get(table) ?? [], await rulesOf(table))) {
        await command('iptables', ['-w', '-t', table, ...args]);
      }
    }
    for (const bridge of bridges()) {
      if (!this.#bridges.includes(bridge)) await command('ip', ['link', 'delete', bridge]);
    }
    writeFileSync(FORWARDING, this.#forwarding);
  }
}

/**
 * The arguments of iptables that take back what Docker has added between two listings (`iptables -S`): policies, then
 * rules, then the chains they were in.
 */
export function undo(before: readonly string[], after: readonly string[]): string[][] {
  const added = after.filter((line) => !before.includes(line)).map((line) => line.split(' '));
  const policies = before
    .filter((line) => line.startsWith('-P ') && !after.includes(line))
    .map((line) => line.split(' '));
  const chains = added.flatMap(([kind, chain = '']) => (kind === '-N' && isDockers(chain) ? [chain] : []));
  const rules = added.filter(
    ([kind, chain = '', ...rest]) => kind === '-A' && !chains.includes(chain) && rest.some(isDockers),
  );
  return [
    ...policies,
    ...rules.map(([, ...rule]) => ['-D', ...rule]),
    ...chains.map((chain) => ['-F', chain]),
    ...chains.map((chain) => ['-X', chain]),
  ];
}

function isDockers(word: string): boolean {
  return /^DOCKER/.test(word) || BRIDGE.test(word);
}

async function rulesOf(table: string): Promise<string[]> {
  return (await command('iptables', ['-w', '-t', table, '-S'])).trim().split('\n');
}

function bridges(): string[] {
  return readdirSync('/sys/class/net').filter((name) => BRIDGE.test(name));
}
