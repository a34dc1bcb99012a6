/** Everything that a playlist leads to, in its order, fetched as a player would: for comparing two ways to the same source. */

import { attributesOf } from '../../services/proxy/src/upstream/playlists/attribute-list.ts';

export interface Leaf {
  /** The tag that names it; '' for a line of its own. */
  readonly tag: string;
  readonly bytes: Buffer;
}

/** What begins a range without an offset. */
interface Position {
  readonly url: string;
  readonly end: number;
}

/** @throws {Error} for an answer that is neither 200 nor 206 */
export async function leavesOf(url: string): Promise<Leaf[]> {
  const answer = await fetched(url);
  const { url: base } = answer;
  const text = (await answer.text()).replace(/^\uFEFF/, '');
  const leaves: Leaf[] = [];
  let range: string | undefined;
  let before: Position | undefined;
  let isVariant = false;
  const add = async (tag: string, uri: string, wanted?: string): Promise<void> => {
    const at = new URL(uri, base).href;
    if (isVariant || PLAYLIST_TAGS.includes(tag)) {
      leaves.push(...(await leavesOf(at)));
      return;
    }
    const [length = 0, offset] = (wanted ?? '').split('@').map(Number);
    const start = offset ?? (before?.url === at ? before.end : 0);
    before = { url: at, end: start + length };
    const headers: Record<string, string> =
      wanted === undefined ? {} : { range: `bytes=${start}-${start + length - 1}` };
    leaves.push({ tag, bytes: Buffer.from(await (await fetched(at, headers)).arrayBuffer()) });
  };
  for (const line of text.split(/\r?\n/)) {
    const [tag = ''] = line.split(':', 1);
    if (tag === '#EXT-X-BYTERANGE') range = line.slice(tag.length + 1);
    else if (tag === '#EXT-X-STREAM-INF') isVariant = true;
    else if (line.startsWith('#')) {
      const { URI: uri, BYTERANGE: part } = Object.fromEntries(line.startsWith('#EXT') ? attributesOf(line) : []);
      if (uri !== undefined) await add(tag, uri, part);
    } else if (line.trim() !== '') {
      await add('', line.trim(), range);
      [range, isVariant] = [undefined, false];
    }
  }
  return leaves;
}

const PLAYLIST_TAGS: readonly string[] = ['#EXT-X-MEDIA', '#EXT-X-I-FRAME-STREAM-INF'];

async function fetched(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(url, { headers });
  if (answer.ok) return answer;
  throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
}
