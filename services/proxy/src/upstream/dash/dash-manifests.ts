/**
 * The manifest of one DASH source, fetched and rewritten once for all viewers. It knows where the manifest is after redirects and
 * `Location`, and asks at the address that was given when that no longer works.
 */

import { SourceError } from '../../errors.ts';
import type { Sealer } from '../../sealer.ts';
import { keptMs } from '../hls/cached-hls.ts';
import type { HlsUpstream, PlaylistText } from '../hls/hls-upstream.ts';
import { type ManifestFacts, manifestFacts } from '../manifests/manifest-facts.ts';
import { type ManifestClock, type ManifestEntry, rewriteManifest } from '../manifests/manifest-rewrite.ts';
import { variablesOf } from '../manifests/segment-template.ts';
import { sealReference } from '../playlists/hls-reference.ts';

export interface DashManifestsDeps {
  readonly streamId: string;
  /** The address of its manifest. */
  readonly url: string;
  /** Whether a reload goes to where the last redirect led. */
  readonly isSticky: boolean;
  readonly upstream: HlsUpstream;
  readonly sealer: Sealer;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Ms of the wall clock. */
  readonly wallMs: () => number;
}

export interface DashManifest {
  /** Between them stands the viewer's own folder. */
  readonly pieces: readonly string[];
  readonly facts: ManifestFacts;
  readonly clock: ManifestClock | undefined;
  /** When the provider sent it, in ms of the wall clock. */
  readonly sentMs: number;
}

/** Where the folder of the viewer stands. No XML holds it. */
const HERE = '\0';
/** What players call the manifest and the time, in their folder. */
export const MANIFEST_NAME = 'manifest.mpd';
export const TIME_NAME = 'time';

interface Kept {
  readonly manifest: DashManifest;
  /** Monotonic ms. */
  readonly untilMs: number;
}

export class DashManifests {
  readonly #deps: DashManifestsDeps;
  #kept: Kept | undefined;
  #loading: Promise<DashManifest> | undefined;
  /** Where the source wants to be asked. */
  #moved: string | undefined;
  /** What each address was written as, in the newest manifest. */
  #sealed: ReadonlyMap<string, string> = new Map();

  constructor(deps: DashManifestsDeps) {
    this.#deps = deps;
  }

  /** @throws {SourceError} when it cannot be had now, or is no manifest */
  async manifest(): Promise<DashManifest> {
    if (this.#kept !== undefined && this.#deps.now() < this.#kept.untilMs) return this.#kept.manifest;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<DashManifest> {
    const { isSticky, url, now, wallMs } = this.#deps;
    const found = await this.#found();
    const sealed = new Map<string, string>();
    const { text, location, clock } = rewriteManifest(found.text.replaceAll(HERE, ''), {
      baseUrl: found.url,
      location: `${HERE}${MANIFEST_NAME}`,
      time: `${HERE}${TIME_NAME}`,
      replace: (entry) => {
        const key = `${entry.extension} ${entry.template}`;
        const address = sealed.get(key) ?? this.#sealed.get(key) ?? this.#address(entry);
        sealed.set(key, address);
        return `${HERE}${address}`;
      },
    });
    this.#sealed = sealed;
    const redirected = isSticky && found.url !== url ? found.url : undefined;
    this.#moved = location ?? redirected;
    const facts = manifestFacts(found.text);
    const manifest = { pieces: text.split(HERE), facts, clock, sentMs: wallMs() - found.ageMs };
    this.#kept = { manifest, untilMs: now() - found.ageMs + keptMs(facts.updateMs) };
    return manifest;
  }

  async #found(): Promise<PlaylistText> {
    const { url, upstream } = this.#deps;
    const ask = (at: string) => upstream.playlist({ url: at, form: 'dash' });
    if (this.#moved === undefined) return ask(url);
    try {
      return await ask(this.#moved);
    } catch (error) {
      if (!(error instanceof SourceError) || error.reason === 'stopped') throw error;
      // A token in it may be over.
      this.#moved = undefined;
      return ask(url);
    }
  }

  #address({ template, extension }: ManifestEntry): string {
    const { sealer, streamId } = this.#deps;
    const sealed = sealReference(sealer, streamId, { role: 'segment', url: template });
    return `segment.${extension}?r=${sealed}${variablesOf(template)}`;
  }
}
