/** One request to one server on a connection of its own, whichever parser reads the answer. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { buildConnector } from 'undici';
import { type PinnedAddress, pinnedLookup } from '../egress/egress-guard.ts';

export interface HopRequest {
  readonly url: URL;
  /** The checked addresses of its host, the only ones to connect to. */
  readonly pinned: PinnedAddress;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Ends the request as long as there is no answer. */
  readonly opening: AbortSignal;
  /** Called when the connection stands. */
  readonly connected: () => void;
  /** Called when the answer turns out to be malformed in the middle of its body. */
  readonly malformed: () => void;
}

export interface HopResponse {
  readonly status: number;
  /** Names in lower case; each byte a character. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Destroying it closes the connection. It never throws for want of an `error` listener. */
  readonly body: Readable;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
}

/** Sends a request and reads the head of its answer. */
export type Hop = (request: HopRequest) => Promise<HopResponse>;

export type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/** Connects to the checked addresses and to nothing else; no proxy of the environment comes in between. */
export function pinnedConnector(
  { pinned, opening, connected }: HopRequest,
  onSocket?: (socket: Socket) => void,
): Connect {
  const lookup = pinnedLookup(pinned);
  // The signal of a request reaches undici only once there is a connection; this one ends the attempt to make it.
  const connect = buildConnector({ lookup, autoSelectFamily: true, timeout: 0, port: 0, signal: opening });
  return (options, callback) => {
    connect(options, (...result) => {
      if (result[0] === null) {
        connected();
        onSocket?.(result[1]);
      }
      callback(...result);
    });
  };
}

export function pathOf(url: URL): string {
  return `${url.pathname}${url.search}`;
}
