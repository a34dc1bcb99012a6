/** Where the groups of streams play, in the memory of one worker: one state, which all streams of a group have. */

import { groupOf } from '../groups.ts';
import type { FailoverState, StreamSpec } from '../types.ts';

export interface StreamGroup {
  readonly name: string;
  readonly streams: Set<string>;
  /** Replaced when it changes, never changed itself. */
  state: Readonly<FailoverState>;
}

export class StreamGroups {
  readonly #groups = new Map<string, StreamGroup>();

  /** @param state where the group plays if the stream is its first */
  enter(spec: StreamSpec, state: FailoverState): StreamGroup {
    // A stream that has only one source is a group of its own.
    const name = groupOf(spec) ?? spec.id;
    const group = this.#groups.get(name) ?? { name, streams: new Set(), state };
    this.#groups.set(name, group);
    group.streams.add(spec.id);
    return group;
  }

  leave({ name, streams }: StreamGroup, id: string): void {
    streams.delete(id);
    if (streams.size === 0) this.#groups.delete(name);
  }
}
