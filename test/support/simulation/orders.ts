/** What people order of a worker of a simulation, as the routes of the HTTP API do it. */

import type { SimulatedWorker } from './sim-worker.ts';

/** Deletes a stream everywhere. */
export async function deleteStream({ registry, playback, seating }: SimulatedWorker, id: string): Promise<void> {
  await registry.deleteStream(id);
  playback.disconnectStream(id);
  await Promise.all([seating.drop(id), registry.send({ kind: 'delete', streamId: id })]);
}

/** Moves a stream and its group to their next source. */
export async function failOver({ registry, seating }: SimulatedWorker, id: string): Promise<void> {
  const stream = await registry.stream(id);
  if (stream !== undefined) await seating.failover(stream);
}
