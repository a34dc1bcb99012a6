/**
 * Replaces every address in a DASH manifest (ISO/IEC 23009-1). What is left out instead: remote elements (XLink), PatchLocation and
 * content steering, all of which would send players around the proxy or need a second rewriting; and reports to the provider. Without
 * PatchLocation players load the whole manifest. Pure.
 */

import { SourceError } from '../../errors.ts';
import { contentName } from './manifest-name.ts';
import { asTemplate, ofRepresentation, type Represented } from './segment-template.ts';
import { childrenOf, elementBeside, parseXml, removeChildren, textOf, type XmlElement, xmlText } from './xml-tree.ts';

export interface ManifestEntry {
  /** Absolute, with `$Number$` and the like in it, and `$$` for a dollar sign. */
  readonly template: string;
  /** What the name of its address ends with. */
  readonly extension: string;
}

/** Where a source says what time it is. */
export interface ManifestClock {
  /** `said`: in the manifest itself; the others: how the answer of an address has it. */
  readonly how: 'said' | 'text' | 'head';
  /** A time, or an absolute address. */
  readonly value: string;
}

export interface Rewriting {
  /** The manifest's URL after redirects. */
  readonly baseUrl: string;
  /** Returns the address to write. */
  readonly replace: (entry: ManifestEntry) => string;
  /** The address where players get this manifest anew. */
  readonly location: string;
  /** The address where players get the time of the source. */
  readonly time: string;
}

export interface RewrittenManifest {
  readonly text: string;
  /** Where the source wants its manifest to be loaded from now on; absolute. */
  readonly location: string | undefined;
  /** Undefined: it has none, or one that is asked otherwise than by HTTP. */
  readonly clock: ManifestClock | undefined;
}

const LEFT_OUT: readonly string[] = [
  'PatchLocation',
  'ContentSteering',
  'Metrics',
  'Reporting',
  'InitializationSet',
  'InitializationGroup',
  'InitializationPresentation',
];
const CLOCK_SCHEME = 'urn:mpeg:dash:utc:';
const HTTP_CLOCKS: Readonly<Record<string, ManifestClock['how']>> = {
  'direct:2014': 'said',
  'http-xsdate:2014': 'text',
  'http-iso:2014': 'text',
  'http-head:2014': 'head',
};
/** Of an element that has several, the last one counts. */
const SEGMENTS = ['SegmentBase', 'SegmentList', 'SegmentTemplate'] as const;
/** Attributes of templates that hold an address. */
const TEMPLATES = ['media', 'initialization', 'index', 'bitstreamSwitching'] as const;
/** Representations that a source may name. */
const MAX_REPRESENTATIONS = 500;

/** @throws {SourceError} `not_media` for what is no manifest that players could use */
export function rewriteManifest(text: string, rewriting: Rewriting): RewrittenManifest {
  const root = parseXml(text);
  if (root.name !== 'MPD') throw unusable('is no MPD');
  leaveOut(root);
  const periods = childrenOf(root, 'Period');
  if (periods.length === 0) throw unusable('has no period that a player could get through this program');
  const clock = replaceClocks(root, rewriting);
  const [location] = childrenOf(root, 'Location').map((each) => absolute(textOf(each), rewriting.baseUrl));
  removeChildren(root, ({ name }) => name === 'Location');
  if (root.attributes.get('type') === 'dynamic') {
    root.children.unshift(elementBeside(root, 'Location', {}, rewriting.location));
  }
  const scope = inside(root, { base: rewriting.baseUrl, hasBase: false, segments: new Map(), type: '' });
  const writer = new Writer(rewriting);
  for (const period of periods) {
    const ofPeriod = inside(period, scope);
    for (const set of childrenOf(period, 'AdaptationSet')) {
      const ofSet = inside(set, ofPeriod);
      for (const representation of childrenOf(set, 'Representation')) writer.representation(representation, ofSet);
      writer.shared(set, ofSet);
    }
    writer.shared(period, ofPeriod);
  }
  return { text: xmlText(root), location, clock };
}

/** What an element gets from those around it. */
interface Scope {
  readonly base: string;
  /** One of them has a BaseURL. */
  readonly hasBase: boolean;
  /** The nearest element of each kind that says where segments are, from the outside to the inside. */
  readonly segments: ReadonlyMap<(typeof SEGMENTS)[number], readonly XmlElement[]>;
  readonly type: string;
}

/** Reads the BaseURL and the segments of an element, and takes the former out. */
function inside(element: XmlElement, around: Scope): Scope {
  const bases = childrenOf(element, 'BaseURL').map((each) => absolute(textOf(each), around.base));
  removeChildren(element, ({ name }) => name === 'BaseURL');
  const segments = new Map(around.segments);
  for (const kind of SEGMENTS) {
    const [own, ...more] = childrenOf(element, kind);
    if (own === undefined) continue;
    removeChildren(element, (child) => more.includes(child));
    // A nearer one of another kind takes the place of all that is further out.
    for (const other of SEGMENTS) if (other !== kind) segments.delete(other);
    segments.set(kind, [...(segments.get(kind) ?? []), own]);
  }
  return {
    base: bases.find((base) => /^https?:/i.test(base)) ?? bases[0] ?? around.base,
    hasBase: around.hasBase || bases.length > 0,
    segments,
    type: element.attributes.get('mimeType') ?? around.type,
  };
}

class Writer {
  readonly #rewriting: Rewriting;
  #count = 0;

  constructor(rewriting: Rewriting) {
    this.#rewriting = rewriting;
  }

  representation(element: XmlElement, around: Scope): void {
    this.#count += 1;
    if (this.#count > MAX_REPRESENTATIONS) throw unusable(`has more than ${MAX_REPRESENTATIONS} representations`);
    const scope = inside(element, around);
    const templates = scope.segments.get('SegmentTemplate');
    if (templates !== undefined) this.#template(element, templates, scope);
    this.shared(element, scope);
    if (templates !== undefined) return;
    const [base] = this.#whole(element, scope);
    if (base !== undefined) element.children.unshift(elementBeside(element, 'BaseURL', {}, base));
  }

  /** The address of its one file, or of the file of which its segments are parts. None: each segment has its own. */
  #whole(element: XmlElement, scope: Scope): string[] {
    const segments = childrenOf(element, 'SegmentList').flatMap((list) => childrenOf(list, 'SegmentURL'));
    const files = segments.flatMap(({ attributes }) => attributes.get('media') ?? []);
    if (segments.length === 0 || files.length < segments.length) {
      return scope.hasBase ? [this.#address(scope.base, scope)] : [];
    }
    // FFmpeg has room for addresses that are no longer than those of the manifest and of BaseURL together. All are in one folder.
    return files.toSorted((one, other) => other.length - one.length);
  }

  /** The segments that an element names itself. */
  shared(element: XmlElement, scope: Scope): void {
    for (const kind of SEGMENTS) {
      for (const own of childrenOf(element, kind)) {
        // Each representation has its own by now.
        const isWritten = element.name === 'Representation' && scope.segments.has(kind);
        if (!isWritten) for (const name of TEMPLATES) own.attributes.delete(name);
        this.#named(own, scope);
      }
    }
  }

  #template(element: XmlElement, templates: readonly XmlElement[], scope: Scope): void {
    const represented: Represented = {
      id: element.attributes.get('id') ?? '',
      bandwidth: element.attributes.get('bandwidth') ?? '0',
    };
    let [own] = childrenOf(element, 'SegmentTemplate');
    if (own === undefined) {
      own = elementBeside(element, 'SegmentTemplate', {});
      element.children.push(own);
    }
    for (const name of TEMPLATES) {
      const written = templates.findLast(({ attributes }) => attributes.has(name))?.attributes.get(name);
      if (written === undefined) continue;
      own.attributes.set(name, this.#replaced(ofRepresentation(written, represented), scope));
    }
  }

  /** Elements below SegmentList, SegmentTemplate and SegmentBase that name a file. */
  #named(segments: XmlElement, scope: Scope): void {
    for (const child of segments.children) {
      if (typeof child === 'string') continue;
      const names = child.name === 'SegmentURL' ? ['media', 'index'] : ['sourceURL'];
      for (const name of names) {
        const written = child.attributes.get(name);
        if (written === undefined || /^data:/i.test(written.trim())) continue;
        child.attributes.set(name, this.#address(absolute(written, scope.base), scope));
      }
    }
  }

  #address(url: string, { type }: Scope): string {
    return this.#rewriting.replace({ template: asTemplate(url), extension: contentName(url, type) });
  }

  #replaced(template: string, { base, type }: Scope): string {
    const url = absolute(template, base);
    return this.#rewriting.replace({ template: url, extension: contentName(url, type) });
  }
}

/** Takes out what players must not use, wherever it stands. */
function leaveOut(element: XmlElement): void {
  removeChildren(element, ({ name, isRemote }) => isRemote || LEFT_OUT.includes(name));
  element.attributes.delete('moreInformationURL');
  for (const child of element.children) {
    // Nothing below these has an address of its own.
    if (typeof child !== 'string' && child.name !== 'SegmentTimeline') leaveOut(child);
  }
}

/** Players get the time of the source from the worker, which asks for it once. Others than by HTTP stay. */
function replaceClocks(root: XmlElement, { baseUrl, time }: Rewriting): ManifestClock | undefined {
  let clock: ManifestClock | undefined;
  const visit = (element: XmlElement): void => {
    const kept = element.children.filter((child) => {
      if (typeof child === 'string' || child.name !== 'UTCTiming') return true;
      const { scheme, how, value } = readClock(child);
      if (!scheme.startsWith('http') && how === undefined) return true;
      if (how === undefined || value === '') return false;
      clock ??= { how, value: how === 'said' ? value : absolute(value, baseUrl) };
      if (clock.value !== (how === 'said' ? value : absolute(value, baseUrl))) return false;
      child.attributes.set('schemeIdUri', `${CLOCK_SCHEME}http-iso:2014`);
      child.attributes.set('value', time);
      return true;
    });
    element.children = kept;
    for (const child of kept) {
      const isTall =
        typeof child !== 'string' && ['Period', 'AdaptationSet', 'ProducerReferenceTime'].includes(child.name);
      if (isTall) visit(child);
    }
  };
  visit(root);
  return clock;
}

function readClock({ attributes }: XmlElement): { scheme: string; how?: ManifestClock['how']; value: string } {
  const scheme = (attributes.get('schemeIdUri') ?? '').replace(CLOCK_SCHEME, '');
  const how = HTTP_CLOCKS[scheme];
  // Several addresses are separated by blanks.
  const value = (attributes.get('value') ?? '').trim().split(/\s+/, 1)[0] ?? '';
  return how === undefined ? { scheme, value } : { scheme, how, value };
}

function absolute(address: string, base: string): string {
  try {
    return new URL(address.trim(), base).href;
  } catch {
    return address;
  }
}

function unusable(what: string): SourceError {
  return new SourceError('not_media', `The manifest of the source ${what}.`);
}
