/** What the two ways of passing a direct stream on, live and file, have in common. */
import type { BitrateSettings } from '../failover/bitrate-monitor.ts';
import type { RetrySchedule, RetrySettings } from '../failover/retry.ts';
import type { SourceRecovery } from '../failover/source-recovery.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import type { SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import type { SourceKind } from '../provider/source-kind.ts';

/** A `Config` fits. */
export interface DirectSettings extends RetrySettings, BitrateSettings {
  readonly connectTimeoutMs: number;
  /** From the request to the response headers. */
  readonly readTimeoutMs: number;
  /** Silence of a live source that counts as a stall; only while its viewer wants more. */
  readonly liveChunkTimeoutMs: number;
  /** Within which a source that cannot be seen is left for another. */
  readonly streamTimeoutMs: number;
  readonly vodReadTimeoutMs: number;
  /** A viewer of a live stream that takes nothing for this long is dropped; one of a file holds no connection from then on. */
  readonly clientStallTimeoutMs: number;
}

/** A source that has answered with media. */
export interface OpenedSource {
  readonly address: SourceAddress;
  readonly response: UpstreamResponse;
  readonly reader: BodyReader;
  readonly kind: SourceKind['kind'];
}

/** What the two ways of passing bytes on have in common. */
export interface Transfer {
  readonly settings: DirectSettings;
  readonly source: SwitchableSource;
  readonly schedule: RetrySchedule;
  readonly recovery: SourceRecovery;
  /** Hands bytes to the viewer; false when it has gone. See `ReplyWriter.write`. */
  readonly write: (bytes: Buffer, onStall?: () => boolean) => Promise<boolean>;
  /** The viewer takes nothing: resolves when no connection is counted for it any more. */
  readonly pause: () => Promise<void>;
  /** It reads on. @throws {StreampoolError} 503 when the provider's connections are in use by others */
  readonly goOn: () => Promise<void>;
}
