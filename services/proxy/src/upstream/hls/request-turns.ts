/** How many requests go to one server at a time. Playlists come first: without them nobody knows what to ask for next. */

interface Waiting {
  readonly isFirst: boolean;
  readonly begin: () => void;
}

interface Server {
  running: number;
  readonly waiting: Waiting[];
}

export class RequestTurns {
  readonly #atATime: number;
  readonly #servers = new Map<string, Server>();

  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /**
   * Waits for a turn. Call the returned function when the request is over.
   *
   * @param isFirst it goes before all that wait and are not
   */
  async take(server: string, isFirst: boolean): Promise<() => void> {
    const known = this.#servers.get(server) ?? { running: 0, waiting: [] };
    this.#servers.set(server, known);
    if (known.running < this.#atATime) known.running += 1;
    else await this.#wait(known, isFirst);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      // The turn goes to the next one in the queue.
      const next = known.waiting.shift();
      if (next !== undefined) next.begin();
      else known.running -= 1;
      if (known.running === 0) this.#servers.delete(server);
    };
  }

  #wait({ waiting }: Server, isFirst: boolean): Promise<void> {
    return new Promise((begin) => {
      const behind = isFirst ? waiting.findIndex((each) => !each.isFirst) : -1;
      waiting.splice(behind < 0 ? waiting.length : behind, 0, { isFirst, begin });
    });
  }
}
