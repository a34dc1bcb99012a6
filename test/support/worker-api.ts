/** Small typed calls to a worker's HTTP API. */

export interface ApiAnswer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

export interface CreateBody {
  url: string;
  failover_urls?: string[];
  failover_resolver_url?: string;
  user_agent?: string;
  headers?: Record<string, string>;
  metadata?: Record<string, string | number | boolean>;
  [field: string]: unknown;
}

export interface TranscodeBody extends CreateBody {
  profile?: string;
  profile_variables?: Record<string, string>;
  output_format?: string;
}

export interface CreatedStream {
  stream_id: string;
  stream_type: string;
  stream_endpoint: string;
  playlist_url: string | null;
  direct_url: string;
  message: string;
  /** The playback URL: the worker's origin and `stream_endpoint`. */
  playUrl: string;
  [field: string]: unknown;
}

export class WorkerApi {
  readonly origin: string;
  readonly #headers: Record<string, string>;

  constructor(origin: string, headers: Record<string, string> = {}) {
    this.origin = origin;
    this.#headers = headers;
  }

  get<T = unknown>(path: string): Promise<ApiAnswer<T>> {
    return this.request('GET', path);
  }

  post<T = unknown>(path: string, body?: unknown): Promise<ApiAnswer<T>> {
    return this.request('POST', path, body);
  }

  del<T = unknown>(path: string): Promise<ApiAnswer<T>> {
    return this.request('DELETE', path);
  }

  /** `POST /transcode`; throws unless it answers 200. */
  createTranscode(body: TranscodeBody): Promise<CreatedStream> {
    return this.#create('/transcode', body);
  }

  /** `POST /streams`; throws unless it answers 200. */
  createStream(body: CreateBody): Promise<CreatedStream> {
    return this.#create('/streams', body);
  }

  /** Any call; the body is parsed if it is JSON, and text otherwise. */
  async request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<T>> {
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(this.origin + path, {
      method,
      headers: { ...this.#headers, ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: 'manual',
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  }

  async #create(path: string, body: CreateBody): Promise<CreatedStream> {
    const answer = await this.post<CreatedStream>(path, body);
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return { ...answer.body, playUrl: this.origin + answer.body.stream_endpoint };
  }
}
