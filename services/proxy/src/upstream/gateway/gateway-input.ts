/** What one FFmpeg opens itself through the gateway: a source in one address, or pictures and sound in two. */
import type { SourceError } from '../../errors.ts';
import type { ProviderPlace } from '../provider/provider-connections.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import type { Gateway, GatewaySession } from './gateway.ts';
import type { WantedVariant } from './hls-variant.ts';

export interface GatewayInput {
  /** As `buildArguments` takes it. */
  readonly input: {
    readonly kind: 'url';
    readonly url: string;
    readonly audioUrl?: string;
    readonly protocols: readonly string[];
  };
  /** For its sandbox and its environment. */
  readonly gateway: Pick<GatewaySession, 'port' | 'environment'>;
  /** See `GatewaySession`. */
  readonly lastError: SourceError | undefined;
  readonly lastMediaMs: number | undefined;
  readonly isRefused: boolean;
  close(): void;
}

/** As `Gateway.register`. */
export function openThroughGateway(
  gateway: Pick<Gateway, 'register'>,
  address: SourceAddress,
  wanted: WantedVariant | undefined,
  place?: ProviderPlace,
): GatewayInput {
  const first = gateway.register(address, wanted && { ...wanted, address: address.variant }, place);
  const second = address.audio === undefined ? undefined : gateway.register(address.audio);
  return {
    input: {
      kind: 'url',
      url: first.url,
      protocols: first.protocols.split(','),
      ...(second === undefined ? {} : { audioUrl: second.url }),
    },
    gateway: first,
    get lastError() {
      return first.lastError ?? second?.lastError;
    },
    get lastMediaMs() {
      return first.lastMediaMs;
    },
    get isRefused() {
      return first.isRefused || second?.isRefused === true;
    },
    close: () => {
      first.close();
      second?.close();
    },
  };
}
