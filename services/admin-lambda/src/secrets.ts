/** A secret of Secrets Manager, kept for a while: each read of a secret costs money. */

import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

export interface CachedSecretOptions {
  readonly client: Pick<SecretsManagerClient, 'send'>;
  readonly arn: string;
  /** How old a value may be that is used without another read. */
  readonly keepMs: number;
  readonly now?: () => number;
}

export interface SecretRead {
  /** When to give up. */
  readonly signal: AbortSignal;
  /** Reads it again, however young the kept value is. */
  readonly fresh?: boolean;
}

export class CachedSecret {
  readonly #options: CachedSecretOptions;
  readonly #now: () => number;
  #value: string | undefined;
  #readAtMs = 0;

  constructor(options: CachedSecretOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async read({ signal, fresh = false }: SecretRead): Promise<string> {
    const { client, arn, keepMs } = this.#options;
    if (!fresh && this.#value !== undefined && this.#now() - this.#readAtMs < keepMs) return this.#value;
    // Counted from before the read: the secret may be rotated while the answer is on its way.
    const askedAtMs = this.#now();
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }), { abortSignal: signal });
    if (SecretString === undefined || SecretString === '') throw new Error(`the secret ${arn} has no string`);
    this.#value = SecretString;
    this.#readAtMs = askedAtMs;
    return SecretString;
  }
}
