/**
 * Recordings in a bucket of S3, or of a server that speaks its protocol. An object is written by one PUT, so it is there whole or not
 * at all. What two workers write has different keys, because their epochs differ.
 */

import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Part } from '../../upstream/messages/byte-range.ts';
import { BROADCAST_ID, epochOf, FILE_TYPES, INDEX_NAME, type S3Place, segmentFile } from './names.ts';
import { type RecordingStore, StoreError } from './recording-store.ts';
import { s3Refusal } from './s3-refusal.ts';

/** So many objects are removed at once. A day has 14,400 segments, and a bucket takes thousands of requests in a second. */
const TOGETHER = 32;
/** Says that it is not there. */
const ABSENT = new Set(['NoSuchKey', 'NotFound']);
/** Says that it ends before the part that was asked for. */
const TOO_SHORT = 'InvalidRange';

export class S3Store implements RecordingStore {
  readonly isShared = true;
  readonly #client: Pick<S3Client, 'send'>;
  readonly #place: S3Place;
  /** `{id}/{epoch}` under which this worker writes. A bucket has no folders that could be gone. */
  readonly #begun = new Set<string>();

  constructor(client: Pick<S3Client, 'send'>, place: S3Place) {
    this.#client = client;
    this.#place = place;
  }

  async ids(): Promise<string[]> {
    return (await this.#foldersIn('')).filter((name) => BROADCAST_ID.test(name));
  }

  async epochs(id: string): Promise<number[]> {
    const epochs = (await this.#foldersIn(`${id}/`)).flatMap((name) => epochOf(name) ?? []);
    return epochs.sort((one, other) => one - other);
  }

  async begin(id: string, epoch: number): Promise<void> {
    this.#begun.add(`${id}/${epoch}`);
  }

  async write(id: string, epoch: number, name: string, content: Uint8Array | string): Promise<void> {
    if (!this.#begun.has(`${id}/${epoch}`)) throw new Error(`the recording ${id} was removed`);
    const Body = typeof content === 'string' ? Buffer.from(content) : content;
    const ContentType = name === INDEX_NAME ? 'application/json' : FILE_TYPES[segmentFile(name)?.kind ?? 'ts'];
    const put = new PutObjectCommand({ ...this.#object(id, epoch, name), Body, ContentType });
    await this.#asked('written', () => this.#client.send(put));
  }

  async read(id: string, epoch: number, name: string, part?: Part): Promise<Buffer | undefined> {
    const Range = part && `bytes=${part.start}-${part.end - 1}`;
    return this.#asked('read', async () => {
      try {
        const get = new GetObjectCommand({ ...this.#object(id, epoch, name), Range });
        const { Body, ContentRange } = await this.#client.send(get);
        const bytes = Body && Buffer.from(await Body.transformToByteArray());
        // A server may answer a part with all of it.
        return ContentRange === undefined ? bytes?.subarray(part?.start, part?.end) : bytes;
      } catch (error) {
        if (error instanceof Error && ABSENT.has(error.name)) return undefined;
        if (error instanceof Error && error.name === TOO_SHORT) return Buffer.alloc(0);
        throw error;
      }
    });
  }

  async remove(id: string, epoch: number, names: readonly string[]): Promise<void> {
    await this.#removeKeys(names.map((name) => this.#object(id, epoch, name).Key));
  }

  async tidy(): Promise<void> {
    // Nothing is ever half written here.
  }

  async removeAll(id: string): Promise<void> {
    for (const begun of this.#begun) if (begun.startsWith(`${id}/`)) this.#begun.delete(begun);
    const keys: string[] = [];
    for await (const { Contents = [] } of this.#pages(`${id}/`)) keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
    // Without an index nobody lists what is still there.
    const isIndex = (key: string) => key.endsWith(`/${INDEX_NAME}`);
    await this.#removeKeys(keys.filter(isIndex));
    await this.#removeKeys(keys.filter((key) => !isIndex(key)));
  }

  /** What stands between the prefix and the next slash. */
  async #foldersIn(path: string): Promise<string[]> {
    const names: string[] = [];
    const from = `${this.#place.prefix}${path}`.length;
    for await (const { CommonPrefixes = [] } of this.#pages(path, '/')) {
      names.push(...CommonPrefixes.map(({ Prefix = '' }) => Prefix.slice(from, -1)));
    }
    return names;
  }

  async *#pages(path: string, Delimiter?: string): AsyncGenerator<ListObjectsV2CommandOutput> {
    const { bucket: Bucket, prefix } = this.#place;
    let ContinuationToken: string | undefined;
    do {
      const list = new ListObjectsV2Command({ Bucket, Prefix: `${prefix}${path}`, Delimiter, ContinuationToken });
      const page = await this.#asked('listed', () => this.#client.send(list));
      yield page;
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  /** One by one: servers differ in what they want of a request that removes many, and removing costs nothing. */
  async #removeKeys(keys: readonly string[]): Promise<void> {
    const { bucket: Bucket } = this.#place;
    for (let at = 0; at < keys.length; at += TOGETHER) {
      const some = keys.slice(at, at + TOGETHER).map((Key) => new DeleteObjectCommand({ Bucket, Key }));
      await this.#asked('deleted', () => Promise.all(some.map((each) => this.#client.send(each))));
    }
  }

  #object(id: string, epoch: number, name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: `${this.#place.prefix}${id}/${epoch}/${name}` };
  }

  async #asked<T>(what: 'written' | 'read' | 'listed' | 'deleted', ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new StoreError(s3Refusal(this.#place, what, error), error);
    }
  }
}
