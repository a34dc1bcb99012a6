/** A source as those see it who read it: where it is, and how it is left for the next one. */

export interface SourceAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** A reconnect goes to where the first redirects led, as long as that works. */
  readonly sticky?: boolean;
}

/** Why a source was left. */
export interface FailoverCause {
  /** Snake case, as the resolver and events report it. */
  readonly reason: string;
  /** The provider's HTTP status, where there was one. */
  readonly status?: number | undefined;
}

/** A source that can be left for the next one. All readers of a stream share one, so that they move together. */
export interface SwitchableSource {
  readonly address: SourceAddress;
  /** -1: the primary URL. Changes with every move. */
  readonly index: number;
  readonly canFailOver: boolean;
  /** Moves on, unless somebody has moved on from `fromIndex` already. False when there is nothing left to try. */
  advance(fromIndex: number, cause: FailoverCause): Promise<boolean>;
}
