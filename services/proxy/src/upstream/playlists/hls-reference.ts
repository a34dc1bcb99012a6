/**
 * What stands behind an address in a viewer's playlist: an address of the provider, sealed. Nobody can make one, read one, or use one
 * for another stream; every worker of the cluster can open it, and needs nothing else to serve it.
 */

import { z } from 'zod';
import { SourceError } from '../../errors.ts';
import type { Sealer } from '../../sealer.ts';
import type { HlsRole } from './hls-rewrite.ts';

/** Which playlist of a multivariant playlist it is. Its address may change; this says which one takes its place. */
export interface HlsChild {
  readonly kind: HlsChildKind;
  /** Its place among those of its kind, from 0. */
  readonly number: number;
  /** Bits per second; 0 when unknown. */
  readonly bandwidth: number;
  /** Of all its attributes but the address. */
  readonly hash: string;
}

export type HlsChildKind = 'variant' | 'audio' | 'video' | 'subtitles' | 'iframes' | 'images';

export interface HlsReference {
  readonly role: HlsRole;
  readonly url: string;
  readonly child?: HlsChild | undefined;
  /** What a child playlist may import with `EXT-X-DEFINE`. */
  readonly values?: Readonly<Record<string, string>> | undefined;
  /** For this address alone. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One name for a playlist, whatever its address is by now. */
export function playlistKey({ child, url }: HlsReference): string {
  return child === undefined ? url : `${child.kind} ${child.number} ${child.hash}`;
}

/** FFmpeg reads lines of 4,096 characters; the rest is for what stands around a reference. */
const MAX_CHARACTERS = 3_500;

const texts = z.record(z.string(), z.string());
const packed = z.tuple([
  z.enum(['playlist', 'segment', 'map', 'key', 'other']),
  z.string(),
  z
    .tuple([
      z.enum(['variant', 'audio', 'video', 'subtitles', 'iframes', 'images']),
      z.number(),
      z.number(),
      z.string(),
    ])
    .nullable(),
  texts.nullable(),
  texts.nullable(),
]);

/** @throws {SourceError} `not_media` when it would be longer than players can read */
export function sealReference(sealer: Sealer, streamId: string, reference: HlsReference): string {
  const { role, url, child, values, headers } = reference;
  const packedChild: z.infer<typeof packed>[2] =
    child === undefined ? null : [child.kind, child.number, child.bandwidth, child.hash];
  const content: z.infer<typeof packed> = [role, url, packedChild, values ?? null, headers ?? null];
  const sealed = sealer.seal('reference', streamId, JSON.stringify(content));
  if (sealed.length <= MAX_CHARACTERS) return sealed;
  const message = `The playlist of the source has an address of ${url.length} characters, which is longer than players can read.`;
  throw new SourceError('not_media', message);
}

/** @throws {StreampoolError} for everything that this cluster has not made for this stream: see `Sealer.refusal` */
export function openReference(sealer: Sealer, streamId: string, text: string): HlsReference {
  const reference = sealer.open('reference', streamId, text, read);
  if (reference !== undefined) return reference;
  throw sealer.refusal('This address was not made for this stream. Open the playlist of the stream again.');
}

function read(content: string): HlsReference {
  const [role, url, child, values, headers] = packed.parse(JSON.parse(content));
  return {
    role,
    url,
    child: child === null ? undefined : { kind: child[0], number: child[1], bandwidth: child[2], hash: child[3] },
    values: values ?? undefined,
    headers: headers ?? undefined,
  };
}
