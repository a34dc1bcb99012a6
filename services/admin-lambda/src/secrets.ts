/** A secret of Secrets Manager, kept for a while: a Lambda that asked at every call would pay for each. */

import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** A rotated secret is known after this at the latest. */
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

  /** @param keepMs an answer no older than this will do */
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
