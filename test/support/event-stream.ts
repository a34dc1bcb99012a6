/** A reader of server-sent events, as a program would be: `GET /events` with `Accept: text/event-stream`. */

export interface ServerSentMessage {
  readonly id: string | undefined;
  /** `message` where the server names none. */
  readonly event: string;
  readonly data: Record<string, unknown>;
  /** When it came, ms since 1970. */
  readonly atMs: number;
}

export class EventStream {
  readonly messages: ServerSentMessage[] = [];
  readonly #abort = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  /** Why it ended; undefined while it is open. */
  end: string | undefined;

  /** @param lastId the id of the last message of an earlier stream */
  static async open(url: string, lastId?: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const stream = new EventStream();
    const response = await fetch(url, {
      headers: {
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
        ...headers,
      },
      signal: stream.#abort.signal,
    });
    if (response.status !== 200 || response.body === null) {
      throw new Error(`the events answer ${response.status}: ${await response.text()}`);
    }
    stream.#reading = stream.#read(response.body);
    return stream;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        text += decoder.decode(chunk, { stream: true });
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) this.#take(part);
      }
      this.end = 'the server ended it';
    } catch (error) {
      this.end = String(error);
    }
  }

  #take(part: string): void {
    const fields = part.split('\n').flatMap((line) => {
      const [, name = '', value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value] as const];
    });
    const of = (wanted: string) => fields.find(([name]) => name === wanted)?.[1];
    const data = of('data');
    // A comment keeps the connection alive.
    if (data === undefined) return;
    this.messages.push({ id: of('id'), event: of('event') ?? 'message', data: JSON.parse(data), atMs: Date.now() });
  }

  /** The types of the events so far. */
  get types(): string[] {
    return this.messages.map(({ data }) => String(data.event_type));
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }
}
