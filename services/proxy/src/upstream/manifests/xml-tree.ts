/**
 * An XML text as a tree, and the tree as a text. saxes reads it: it takes only well-formed XML with namespaces, opens nothing, and
 * reads 30 MB in a second. A DOM of the same text takes ten times as long, and a worker can do nothing else meanwhile. Pure.
 */

import { SaxesParser } from 'saxes';
import { SourceError } from '../../errors.ts';

export interface XmlElement {
  /** With its prefix, as it is written. */
  readonly tag: string;
  /** Without prefix. */
  readonly name: string;
  /** By name with prefix. Declarations of namespaces are among them. */
  readonly attributes: Map<string, string>;
  /** Whether it stands for something that is elsewhere (XLink). */
  readonly isRemote: boolean;
  children: (XmlElement | string)[];
}

const XLINK = 'http://www.w3.org/1999/xlink';
/** A manifest has about ten. */
const MAX_DEPTH = 32;
/** A segment of each second for a day, in each of three tracks. */
const MAX_ELEMENTS = 300_000;

/**
 * Comments, instructions and the XML declaration are left out.
 * @throws {SourceError} `not_media` for what is not well-formed, declares a document type, or is too deep or too large
 */
export function parseXml(text: string): XmlElement {
  // Only a document type can define entities, and no manifest has one.
  if (text.includes('<!DOCTYPE')) throw refused('declares a document type');
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  const add = (content: XmlElement | string) => open.at(-1)?.children.push(content);
  parser.on('error', (error) => {
    throw refused(`is no well-formed XML: ${error.message}`);
  });
  parser.on('opentag', ({ name: tag, local: name, attributes: found }) => {
    count += 1;
    if (count > MAX_ELEMENTS) throw refused(`has more than ${MAX_ELEMENTS} elements`);
    if (open.length === MAX_DEPTH) throw refused(`is deeper than ${MAX_DEPTH} elements`);
    const attributes = new Map<string, string>();
    let isRemote = false;
    for (const written of Object.keys(found)) {
      const attribute = found[written];
      if (attribute === undefined) continue;
      attributes.set(written, attribute.value);
      if (attribute.local === 'href' && attribute.uri === XLINK) isRemote = true;
    }
    const element: XmlElement = { tag, name, attributes, isRemote, children: [] };
    add(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('text', add);
  parser.on('cdata', add);
  parser.write(text).close();
  if (root === undefined) throw refused('is empty');
  return root;
}

export function xmlText(root: XmlElement): string {
  const parts = ['<?xml version="1.0" encoding="UTF-8"?>\n'];
  write(root, parts);
  return parts.join('');
}

function write({ tag, attributes, children }: XmlElement, parts: string[]): void {
  parts.push('<', tag);
  for (const [name, value] of attributes) parts.push(' ', name, '="', escaped(value), '"');
  if (children.length === 0) {
    parts.push('/>');
    return;
  }
  parts.push('>');
  for (const child of children) {
    if (typeof child === 'string') parts.push(escaped(child));
    else write(child, parts);
  }
  parts.push('</', tag, '>');
}

const SPECIAL = /[&<>"\t\r]/g;
const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  // Most texts are numbers.
  return text.replace(SPECIAL, (character) => ESCAPED[character] ?? `&#${character.charCodeAt(0)};`);
}

/** Its child elements of this name. */
export function childrenOf({ children }: XmlElement, name: string): XmlElement[] {
  return children.filter((child): child is XmlElement => typeof child !== 'string' && child.name === name);
}

/** Its own text, without that of elements in it. */
export function textOf({ children }: XmlElement): string {
  return children
    .filter((child) => typeof child === 'string')
    .join('')
    .trim();
}

/** Takes out the child elements for which this holds. */
export function removeChildren(element: XmlElement, isMeant: (child: XmlElement) => boolean): void {
  element.children = element.children.filter((child) => typeof child === 'string' || !isMeant(child));
}

/** An element of the same namespace as another one. */
export function elementBeside(
  { tag }: XmlElement,
  name: string,
  attributes: Readonly<Record<string, string>>,
  text = '',
): XmlElement {
  const colon = tag.indexOf(':');
  return {
    tag: colon < 0 ? name : `${tag.slice(0, colon)}:${name}`,
    name,
    attributes: new Map(Object.entries(attributes)),
    isRemote: false,
    children: text === '' ? [] : [text],
  };
}

function refused(what: string): SourceError {
  return new SourceError('not_media', `The manifest of the source ${what}.`);
}
