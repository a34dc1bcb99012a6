/** The cluster: joins through a relay, what a relay costs, what Redis is asked for, and how far one Redis goes. */
import { commands } from './cluster-commands.ts';
import { relayJoin } from './cluster-join.ts';
import { relayHop } from './cluster-relay.ts';
import { simulation } from './cluster-simulation.ts';
import type { Bench } from './main.ts';
import type { Row } from './table.ts';

export async function cluster(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const part of [relayJoin, relayHop, commands, simulation]) rows.push(...(await part(bench)));
  return rows;
}
