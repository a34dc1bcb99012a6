/** A secret of Secrets Manager, cached for a while: each read of a secret costs money. */

import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** A rotated secret is noticed after this at the latest. */
const KEEP_MS = 5 * 60_000;
const TIMEOUT_MS = 2_500;

export interface CachedSecretOptions {
  readonly client: Pick<SecretsManagerClient, 'send'>;
  readonly arn: string;
  readonly now?: () => number;
}

export class CachedSecret {
  readonly #client: Pick<SecretsManagerClient, 'send'>;
  readonly #arn: string;
  readonly #now: () => number;
  #value: string | undefined;
  #readAtMs = 0;

  constructor({ client, arn, now = Date.now }: CachedSecretOptions) {
    this.#client = client;
    this.#arn = arn;
    this.#now = now;
  }

  /** @param keepMs a cached value up to this old is good enough */
  async read(keepMs = KEEP_MS): Promise<string> {
    if (this.#value !== undefined && this.#now() - this.#readAtMs < keepMs) return this.#value;
    const command = new GetSecretValueCommand({ SecretId: this.#arn });
    const { SecretString } = await this.#client.send(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) });
    if (SecretString === undefined || SecretString === '') throw new Error(`the secret ${this.#arn} has no string`);
    this.#value = SecretString;
    this.#readAtMs = this.#now();
    return SecretString;
  }
}
