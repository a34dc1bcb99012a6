/**
 * Streams whose viewers here read no feed that has an owner: direct ones that are not shared, and films. Nobody has all their viewers, so
 * each worker counts its own.
 */

/** A viewer with what it has got so far. */
export interface UnfedViewer {
  readonly client: { readonly streamId: string };
  bytesServed(): number;
}

export interface UnfedStream {
  readonly streamId: string;
  readonly viewers: number;
  /** To viewers here, since there was none. */
  readonly bytesServed: number;
}

export class UnfedStreams {
  readonly #streams = new Map<string, { readonly viewers: Set<UnfedViewer>; bytesBefore: number }>();

  get all(): UnfedStream[] {
    return [...this.#streams].map(([streamId, { viewers, bytesBefore }]) => {
      let bytesServed = bytesBefore;
      for (const viewer of viewers) bytesServed += viewer.bytesServed();
      return { streamId, viewers: viewers.size, bytesServed };
    });
  }

  add(viewer: UnfedViewer): void {
    const { streamId } = viewer.client;
    const stream = this.#streams.get(streamId) ?? { viewers: new Set(), bytesBefore: 0 };
    this.#streams.set(streamId, stream);
    stream.viewers.add(viewer);
  }

  remove(viewer: UnfedViewer): void {
    const { streamId } = viewer.client;
    const stream = this.#streams.get(streamId);
    if (stream?.viewers.delete(viewer) !== true) return;
    stream.bytesBefore += viewer.bytesServed();
    if (stream.viewers.size === 0) this.#streams.delete(streamId);
  }
}
