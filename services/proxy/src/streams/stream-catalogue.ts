/** Creates streams: turns a request into a stream's record, or finds the stream that exists already. */

import type { StreamRecords } from '../../../registry/registry.ts';
import type { CreateAnswer, SilenceOrder, StreamPage, StreamProfile, StreamSpec } from '../../../registry/types.ts';
import { LimitError, StreampoolError } from '../errors.ts';
import type { OptionReading } from '../ffmpeg/arguments/own-reading.ts';
import type { HardwareAcceleration } from '../ffmpeg/host/hardware.ts';
import { type ResolvedProfile, resolveProfile } from '../ffmpeg/profiles/profiles.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { assertHeaders } from '../upstream/http/request-headers.ts';
import { definitionBytes, MAX_DEFINITION_BYTES } from './definition-size.ts';
import { directStreamId, pageKey, pageStreamId, type SharingStrategy, transcodedStreamId } from './stream-key.ts';

/** What `POST /streams` asks for. */
export interface StreamOrder {
  readonly url: string;
  readonly failoverUrls?: readonly string[] | undefined;
  readonly failoverResolverUrl?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly stickySession?: boolean | undefined;
  /** For a direct live stream: whether its viewers share one connection. */
  readonly share?: boolean | undefined;
  readonly silence?: SilenceOrder | undefined;
  /** The values are strings already. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What `POST /transcode` asks for. */
export interface TranscodeOrder extends StreamOrder {
  /** A built-in name, or an FFmpeg template that starts with `-`. */
  readonly profile: string;
  readonly profileVariables?: Readonly<Record<string, string>> | undefined;
  readonly outputFormat?: string | undefined;
  /** Of the sound that goes in, if the source has it: as `languageCode` writes it. */
  readonly audioLanguage?: string | undefined;
}

/** What `POST /transcode` asks for with a page resolver. */
export interface PageStreamOrder extends StreamOrder {
  readonly page: Omit<StreamPage, 'key'>;
}

/** FFmpeg opens what is found there. */
const COPY = '-i {input_url} -map 0:v:0? -map 0:a:0? -c copy -f mpegts {output_args}';

export interface CatalogueDeps {
  readonly registry: StreamRecords;
  readonly guard: EgressGuard;
  readonly hardware: HardwareAcceleration;
  /** How this worker's FFmpeg parses options. */
  readonly reading: OptionReading;
  readonly strategy: SharingStrategy;
  readonly defaultUserAgent: string;
  /** For streams that do not say it themselves; undefined: each kind of source has its own way. */
  readonly stickySession?: boolean | undefined;
  readonly maxStreams: number;
}

export class StreamCatalogue {
  readonly #deps: CatalogueDeps;

  constructor(deps: CatalogueDeps) {
    this.#deps = deps;
  }

  /**
   * Creates a direct stream.
   * @throws {StreampoolError} 422 for a URL or header that is not allowed, 503 when there are too many streams
   */
  createDirect(order: StreamOrder): Promise<CreateAnswer> {
    return this.#create({ ...this.#source(order), id: directStreamId(order.url), profile: undefined });
  }

  /**
   * Creates a transcoded stream.
   * @throws {StreampoolError} 400 for an unknown profile, 422 for anything else that cannot run, 503 when there are too many streams
   */
  async createTranscoded(order: TranscodeOrder): Promise<CreateAnswer & { readonly asked: StreamProfile }> {
    const resolved = resolveProfile(
      {
        profile: order.profile,
        variables: { ...order.profileVariables },
        ...(order.outputFormat === undefined ? {} : { outputFormat: order.outputFormat }),
        inputUrl: order.url,
      },
      this.#deps.hardware,
      this.#deps.reading,
    );
    const { audioLanguage } = order;
    const profile = { ...profileRecord(resolved), ...(audioLanguage !== undefined && { audioLanguage }) };
    const source = this.#source(withProfileHeaders(order, resolved));
    const id = transcodedStreamId(this.#deps.strategy, { ...source, profile });
    const metadata = { ...transcodingMetadata(profile), ...source.metadata };
    const answer = await this.#create({ ...source, id, profile, metadata });
    return { ...answer, asked: profile };
  }

  /**
   * Creates a stream of a web page. Its media is found when it is played, and copied into MPEG-TS.
   * @throws {StreampoolError} as `createDirect`
   */
  async createPage(order: PageStreamOrder): Promise<CreateAnswer> {
    const { page: asked, ...rest } = order;
    const key = pageKey(asked);
    const copied = resolveProfile(
      { profile: COPY, variables: {}, inputUrl: order.url },
      this.#deps.hardware,
      this.#deps.reading,
    );
    const source = this.#source(rest);
    const profile = { ...profileRecord(copied), name: asked.resolver };
    const id = pageStreamId(key, source);
    const metadata = { ...transcodingMetadata(profile), resolver: asked.resolver, ...source.metadata };
    return this.#create({ ...source, id, profile, metadata, page: { ...asked, key } });
  }

  #source(order: StreamOrder): Omit<StreamSpec, 'id' | 'profile'> {
    const headers = order.headers ?? {};
    const userAgent = order.userAgent ?? this.#deps.defaultUserAgent;
    assertHeaders({ ...headers, 'user-agent': userAgent });
    const failoverUrls = order.failoverUrls ?? [];
    const stickySession = order.stickySession ?? this.#deps.stickySession;
    // A forbidden failover URL or resolver does not stop the stream from playing: the guard refuses it when it is needed.
    this.#deps.guard.checkLiteral(new URL(order.url));
    return {
      url: order.url,
      failoverUrls,
      failoverResolverUrl: order.failoverResolverUrl,
      userAgent,
      headers,
      ...(stickySession === undefined ? {} : { stickySession }),
      ...(order.share === undefined ? {} : { share: order.share }),
      ...(order.silence === undefined ? {} : { silence: order.silence }),
      metadata: order.metadata ?? {},
    };
  }

  async #create(spec: StreamSpec): Promise<CreateAnswer> {
    const { registry, maxStreams } = this.#deps;
    const bytes = definitionBytes(spec);
    if (bytes > MAX_DEFINITION_BYTES) {
      const message = `The stream's definition takes ${bytes} bytes, and ${MAX_DEFINITION_BYTES} are allowed. Shorten its URLs, headers, metadata or profile.`;
      throw new StreampoolError(413, message);
    }
    const answer = await registry.createStream(spec, maxStreams);
    if (answer !== 'full') return answer;
    const message = `There are ${maxStreams} streams already (MAX_STREAMS), and none of them is idle. Delete some, or wait until one is idle.`;
    throw new LimitError('streams', message, { retryAfterSeconds: 60 });
  }
}

/** What the request says goes before what its profile says. */
function withProfileHeaders(order: TranscodeOrder, { source }: ResolvedProfile): TranscodeOrder {
  if (source === undefined) return order;
  const asked = Object.keys(order.headers ?? {}).map((name) => name.toLowerCase());
  const added = Object.entries(source.headers).filter(([name]) => !asked.includes(name.toLowerCase()));
  return {
    ...order,
    headers: { ...Object.fromEntries(added), ...order.headers },
    userAgent: order.userAgent ?? source.userAgent,
  };
}

function profileRecord(resolved: ResolvedProfile): StreamProfile {
  const { name, variables, args, inputOptions, outputOptions, container, hls, video, audio } = resolved;
  return { name, variables, args, inputOptions, outputOptions, container, hls, video, audio };
}

/** What m3u-proxy adds to a transcoded stream's metadata; m3u-editor looks for `transcoding`. */
function transcodingMetadata(profile: StreamProfile): Record<string, string> {
  return {
    transcoding: 'true',
    profile: profile.name,
    profile_variables: JSON.stringify(profile.variables),
    ffmpeg_args: profile.args.join(' '),
  };
}
