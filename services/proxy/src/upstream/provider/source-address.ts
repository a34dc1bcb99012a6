/** A source for its readers: its address, and how to leave it for the next one. */
import type { PagePipe } from './page-pipe.ts';

export interface SourceAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** A reconnect goes to where the first redirects led, while that works. */
  readonly sticky?: boolean;
  /** `url` is a master playlist: the address of the variant that is wanted. */
  readonly variant?: string;
  /** Sound that comes apart from the pictures, which are at `url`. */
  readonly audio?: Pick<SourceAddress, 'url' | 'headers' | 'userAgent'>;
  /** A web page gave it, and gives another one when this one is refused. */
  readonly isFound?: boolean;
  /** It is the output of a page resolver; `url` only names it. */
  readonly pipe?: PagePipe;
}

/** What a server answers to an address that it gave for a while. */
const GIVEN_FOR_A_WHILE: readonly (number | undefined)[] = [401, 403, 410];

/** Whether an address that a web page gave has stopped working, so that the page is worth asking again. */
export function hasStoppedWorking(status: number | undefined): boolean {
  return GIVEN_FOR_A_WHILE.includes(status);
}

/** Why a source was left. */
export interface FailoverCause {
  /** In snake case, as the resolver and events report it. */
  readonly reason: string;
  /** The provider's HTTP status, if there was one. */
  readonly status?: number | undefined;
}

/** Where a failover leads. */
export interface Following {
  readonly address: SourceAddress;
  readonly index: number;
}

/** A source that can be left for the next one. All readers of a stream share it, so that they move together. */
export interface SwitchableSource {
  readonly address: SourceAddress;
  /** -1: the primary URL. Changes with every move. */
  readonly index: number;
  /** When it was last left for another one, in ms of the wall clock; undefined: never. All workers have the same. */
  readonly movedAtMs?: number | undefined;
  readonly canFailOver: boolean;
  /** Where the next failover leads; undefined when nowhere, or when only a resolver knows. */
  readonly following: Following | undefined;
  /**
   * Whether an outage may lead to another source.
   * @param isOver it has lasted for STREAM_TOTAL_TIMEOUT
   * @param moves failovers that it has led to
   */
  mayMoveOn(isOver: boolean, moves: number): boolean;
  /**
   * Moves on, unless another reader has already moved on from `fromIndex`. Returns false when there is nothing left to
   * try.
   */
  advance(fromIndex: number, cause: FailoverCause): Promise<boolean>;
}

/** The same source for a reader that goes where the others go, and moves nobody. */
export function followed(source: SwitchableSource): SwitchableSource {
  return {
    get address() {
      return source.address;
    },
    get index() {
      return source.index;
    },
    get movedAtMs() {
      return source.movedAtMs;
    },
    canFailOver: false,
    following: undefined,
    mayMoveOn: () => false,
    advance: async () => false,
  };
}

/** The source of streams that move together. */
export interface GroupSource extends SwitchableSource {
  /** The same object for all streams that move together. */
  readonly group: object;
  /** The same, for a reader that stays with the group when one of its streams is created anew with other sources. */
  readonly ofGroup: GroupSource;
  /**
   * Takes all of them back to a source that one of them still plays, unless they have moved on from `fromIndex`. Call it when nothing is
   * left to try.
   */
  goBack(fromIndex: number, to: Following): Promise<void>;
  /** Asks the registry where they play. */
  refresh(): Promise<void>;
}
