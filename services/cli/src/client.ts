/** Calls of a cluster's API, and what their failures mean for the one who made them. */

import { z } from 'zod';
import { EXIT, Failure, unreachable } from './failures.ts';

/** How long an answer may take. The list of 10,000 viewers takes a second. */
const TIMEOUT_MS = 10_000;

const refusal = z.object({ detail: z.union([z.string(), z.array(z.looseObject({ msg: z.string() }))]) });

export interface ClientOptions {
  /** Of a worker or a load balancer, with a path if the API stands below one. */
  readonly url: string;
  readonly token: string | undefined;
  /** Unset: 10 s. */
  readonly timeoutMs?: number;
}

/** An answer that has begun. */
export interface OpenAnswer {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends it: reading it then throws. */
  readonly close: () => void;
}

export class Client {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;

  /** @throws {Failure} when the URL is none */
  constructor({ url, token, timeoutMs = TIMEOUT_MS }: ClientOptions) {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new Failure(`The address must be a URL such as http://localhost:8085, not "${url}".`, EXIT.usage);
    }
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
    this.#timeoutMs = timeoutMs;
  }

  get<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    return this.#json('GET', path, shape);
  }

  post<T>(path: string, shape: z.ZodType<T>, body?: unknown): Promise<T> {
    return this.#json('POST', path, shape, body);
  }

  delete<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    return this.#json('DELETE', path, shape);
  }

  /**
   * An answer that goes on, once it has begun.
   *
   * @throws {Failure} when it is refused, or nobody answers
   */
  async open(path: string, headers: Readonly<Record<string, string>>): Promise<OpenAnswer> {
    const late = new AbortController();
    const response = await this.#ask('GET', path, headers, late);
    if (response.body === null) throw this.#stranger();
    return { chunks: response.body, close: () => late.abort() };
  }

  async #json<T>(method: string, path: string, shape: z.ZodType<T>, body?: unknown): Promise<T> {
    const json: Readonly<Record<string, string>> = body === undefined ? {} : { 'content-type': 'application/json' };
    const late = new AbortController();
    const response = await this.#ask(method, path, json, late, body);
    const read = shape.safeParse(parsed(await this.#within(late, () => response.text())));
    if (!read.success) throw this.#stranger();
    return read.data;
  }

  async #ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    late: AbortController,
    body?: unknown,
  ): Promise<Response> {
    const request = {
      method,
      signal: late.signal,
      headers: { ...(this.#token === undefined ? {} : { 'x-api-token': this.#token }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await this.#within(late, () => fetch(`${this.url}${path}`, request));
    if (!response.ok) throw this.#refused(response.status, await this.#within(late, () => response.text()));
    return response;
  }

  /** @throws {Failure} that nobody answers, also when it takes too long */
  async #within<T>(late: AbortController, step: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => late.abort(), this.#timeoutMs);
    try {
      return await step();
    } catch (error) {
      const why = late.signal.aborted ? `no answer within ${this.#timeoutMs / 1_000} s` : reasonOf(error);
      throw unreachable(this.url, why, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #refused(status: number, text: string): Failure {
    const read = refusal.safeParse(parsed(text));
    if (status === 401) {
      return new Failure(`${this.url} needs its API token: set API_TOKEN, or give it with --token.`);
    }
    if (!read.success) return this.#stranger(` It answered ${status}.`);
    const { detail } = read.data;
    return new Failure(typeof detail === 'string' ? detail : detail.map(({ msg }) => msg).join('; '));
  }

  #stranger(more = ''): Failure {
    return new Failure(`What answers at ${this.url} is no Streampool, or of another version.${more}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the system says of a connection that did not come about. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ENOTFOUND: 'the name is not known',
    ECONNRESET: 'the connection broke',
    EHOSTUNREACH: 'there is no way to it',
  };
  return known[cause?.code ?? ''] ?? cause?.message ?? String(error);
}
