/** What the two ways to pass on a direct stream, live and file, have in common. */
import type { BitrateSettings } from '../failover/bitrate-monitor.ts';
import type { RetrySchedule, RetrySettings } from '../failover/retry.ts';
import type { SourceRecovery } from '../failover/source-recovery.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import type { SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import type { SourceKind } from '../provider/source-kind.ts';

/** A `Config` has these fields. */
export interface DirectSettings extends RetrySettings, BitrateSettings {
  readonly connectTimeoutMs: number;
  /** Time from the request to the response headers. */
  readonly readTimeoutMs: number;
  /** Silence of a live source that counts as a stall. Counts only while its viewer wants more. */
  readonly liveChunkTimeoutMs: number;
  /** How soon a source without pictures is left for another one. */
  readonly streamTimeoutMs: number;
  readonly vodReadTimeoutMs: number;
  /**
   * A viewer of a live stream that takes nothing for this long is dropped. A viewer of a file then holds no connection.
   */
  readonly clientStallTimeoutMs: number;
}

/** A source that has answered with media. */
export interface AnsweredSource {
  readonly address: SourceAddress;
  readonly response: UpstreamResponse;
  readonly reader: BodyReader;
  readonly kind: SourceKind['kind'];
  /** How long it took from the request to the first bytes; undefined for one that was opened before it was needed. */
  readonly openedMs: number | undefined;
  /** What has come of it already, before what `reader` has. Whoever passes it on takes it out. */
  readonly staged?: Buffer[];
}

/** What both ways to pass on bytes need. */
export interface Transfer {
  readonly settings: DirectSettings;
  readonly source: SwitchableSource;
  readonly schedule: RetrySchedule;
  readonly recovery: SourceRecovery;
  /** Hands bytes to the viewer; false when it has left. See `ReplyWriter.write`. */
  readonly write: (bytes: Buffer, onStall?: () => boolean) => Promise<boolean>;
}

/** What a viewer of a file needs beside. */
export interface FileTransfer extends Transfer {
  /** The viewer takes nothing. Resolves when no connection is counted for it any more. */
  readonly pause: () => Promise<void>;
  /** The viewer reads again. @throws {StreampoolError} 503 when all of the provider's connections are in use */
  readonly goOn: () => Promise<void>;
}
