/** A process's TCP connections, from /proc: to find connections that were left open. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  /** A name of the kernel's tcp_states.h, such as ESTABLISHED or CLOSE_WAIT. */
  readonly state: string;
}

const STATES: Record<string, string> = {
  '01': 'ESTABLISHED',
  '02': 'SYN_SENT',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '08': 'CLOSE_WAIT',
  '0A': 'LISTEN',
};

/** Its TCP sockets, without those that only listen. */
export function tcpConnections(pid: number): TcpSocket[] {
  const inodes = new Set(socketInodes(pid));
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'latin1').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9] ?? ''))
    .map(([, local = '', remote = '', state = '']) => ({
      localPort: portOf(local),
      remotePort: portOf(remote),
      state: STATES[state] ?? state,
    }))
    .filter(({ state }) => state !== 'LISTEN');
}

function socketInodes(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${descriptor}`))?.[1] ?? [];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

function portOf(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
}
