/**
 * Simulated machines on this machine: network namespaces whose links tests cut and restore. Each has two links. `front` leads
 * to viewers and sources, which are in the namespace of the test. `back` leads to the other machines, through a router that
 * drops what it is told to drop.
 */

import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { processInfo } from './processes.ts';

/** The benchmarking range of RFC 2544. ALLOW_PRIVATE_SOURCES names it, and no real network uses it. */
const FRONT = '198.18';
const BACK = '198.19';
const NAMES = '/run/netns';
/** Names contain the process that made them (`sp<pid>…`), so that leftovers of a killed one are recognisable. */
const OURS = /^sp(\d+)/;

/** How packets between machines are lost: `silence`: without a reply; `refusal`: with an ICMP error. */
export type Loss = 'silence' | 'refusal';

export interface Host {
  readonly name: string;
  /** Its address for viewers. */
  readonly front: string;
  /** Its address for the other machines. */
  readonly back: string;
  /** The command prefix that runs a command there. */
  readonly prefix: readonly string[];
}

/** Why namespaces cannot be made here; undefined when they can. */
export function whyNoNetns(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (!hasIp()) return '`ip` is missing (apt-get install iproute2)';
  try {
    const name = `sp${process.pid}try`;
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${error instanceof Error ? error.message : error}`;
  }
}

export class Network {
  /** Where sources listen; the same for every machine. */
  readonly gateway: string;
  readonly #id: string;
  readonly #subnet: number;
  readonly #hosts = new Map<string, Host>();

  private constructor(id: string, subnet: number) {
    this.#id = id;
    this.#subnet = subnet;
    this.gateway = `${FRONT}.${subnet}.1`;
  }

  /** Machines of these names; `close` removes them, and so does the exit of this process. */
  static create(names: readonly string[]): Network {
    removeLeftovers();
    const network = new Network(`sp${process.pid}`, freeSubnet());
    process.once('exit', network.#remove);
    try {
      network.#build(names);
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no machine ${name} among ${[...this.#hosts.keys()].join(', ')}`);
    return host;
  }

  /** Takes the back link of a machine down; `linkUp` restores it. */
  linkDown(host: Host): void {
    ip('-n', this.#router, 'link', 'set', this.#port(host), 'down');
  }

  linkUp(host: Host): void {
    ip('-n', this.#router, 'link', 'set', this.#port(host), 'up');
  }

  /** Drops everything between two machines, or between one and all others, until `mend`. */
  block(loss: Loss, from: Host, to?: Host): void {
    for (const rule of this.#rules(loss, from, to)) ip('-n', this.#router, 'rule', 'add', ...rule);
  }

  mend(loss: Loss, from: Host, to?: Host): void {
    for (const rule of this.#rules(loss, from, to)) ip('-n', this.#router, 'rule', 'del', ...rule);
  }

  close(): void {
    this.#remove();
    process.off('exit', this.#remove);
  }

  readonly #remove = (): void => removeNamed(this.#id);

  get #router(): string {
    return `${this.#id}r`;
  }

  get #bridge(): string {
    return `${this.#id}br`;
  }

  /** The router's end of a machine's back link. */
  #port(host: Host): string {
    return `${this.#id}p${[...this.#hosts.values()].indexOf(host)}`;
  }

  #rules(loss: Loss, { back: from }: Host, to: Host | undefined): string[][] {
    const action = loss === 'silence' ? 'blackhole' : 'unreachable';
    if (to === undefined) {
      return [
        ['from', from, action],
        ['to', from, action],
      ];
    }
    return [
      ['from', from, 'to', to.back, action],
      ['from', to.back, 'to', from, action],
    ];
  }

  #build(names: readonly string[]): void {
    ip('link', 'add', this.#bridge, 'type', 'bridge');
    ip('addr', 'add', `${this.gateway}/24`, 'dev', this.#bridge);
    ip('link', 'set', this.#bridge, 'up');
    addNamespace(this.#router);
    inNamespace(this.#router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    for (const name of names) this.#addHost(name);
  }

  #addHost(name: string): void {
    const at = this.#hosts.size;
    const namespace = `${this.#id}h${at}`;
    const host: Host = {
      name,
      front: `${FRONT}.${this.#subnet}.${at + 2}`,
      back: `${BACK}.${this.#subnet}.${4 * at + 2}`,
      prefix: ['ip', 'netns', 'exec', namespace],
    };
    this.#hosts.set(name, host);
    addNamespace(namespace);
    const outer = `${this.#id}f${at}`;
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'front', 'netns', namespace);
    ip('link', 'set', outer, 'master', this.#bridge, 'up');
    ip('-n', namespace, 'addr', 'add', `${host.front}/24`, 'dev', 'front');
    ip('-n', namespace, 'link', 'set', 'front', 'up');
    const port = this.#port(host);
    const hop = `${BACK}.${this.#subnet}.${4 * at + 1}`;
    ip('-n', this.#router, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'back', 'netns', namespace);
    ip('-n', this.#router, 'addr', 'add', `${hop}/30`, 'dev', port);
    ip('-n', this.#router, 'link', 'set', port, 'up');
    ip('-n', namespace, 'addr', 'add', `${host.back}/30`, 'dev', 'back');
    ip('-n', namespace, 'link', 'set', 'back', 'up');
    ip('-n', namespace, 'route', 'add', `${BACK}.${this.#subnet}.0/24`, 'via', hop);
  }
}

/** Removes leftovers of processes that are gone. */
function removeLeftovers(): void {
  for (const id of new Set(ownNames().map((name) => OURS.exec(name)?.[0] ?? ''))) {
    const pid = Number(id.slice(2));
    if (pid === process.pid || processInfo(pid) === undefined) removeNamed(id);
  }
}

/** Namespaces and interfaces here that a test made. */
function ownNames(): string[] {
  return [...namespaces(), ...interfaces()].filter((name) => OURS.test(name));
}

function removeNamed(id: string): void {
  const isIts = (name: string) => OURS.exec(name)?.[0] === id;
  for (const name of namespaces().filter(isIts)) {
    // A process that is still in there is a leftover too.
    for (const pid of ip('netns', 'pids', name).split('\n').filter(Boolean)) endProcess(Number(pid));
    ip('netns', 'del', name);
  }
  // A veth pair disappears with its namespace, a little later; an interface that is already gone is no error.
  for (const name of interfaces().filter(isIts)) {
    try {
      ip('link', 'del', name);
    } catch (error) {
      if (interfaces().includes(name)) throw error;
    }
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

function namespaces(): string[] {
  try {
    return readdirSync(NAMES);
  } catch {
    return [];
  }
}

function interfaces(): string[] {
  return readdirSync('/sys/class/net');
}

/** A third octet that no interface here uses. */
function freeSubnet(): number {
  const taken = ip('-o', '-4', 'addr');
  for (let subnet = process.pid % 250; ; subnet = (subnet + 1) % 250) {
    if (!taken.includes(`${FRONT}.${subnet}.`)) return subnet;
  }
}

function addNamespace(name: string): void {
  ip('netns', 'add', name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
}

function inNamespace(name: string, ...command: string[]): void {
  ip('netns', 'exec', name, ...command);
}

function hasIp(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, 'ip'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
