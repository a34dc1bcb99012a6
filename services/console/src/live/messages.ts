/** Server-sent events out of the pieces in which they arrive. Pure. */

export interface Message {
  readonly event: string;
  /** Where the reader is then; empty when the message does not say. */
  readonly id: string;
  readonly data: string;
}

/**
 * Takes the next piece of text; returns the messages that have ended with it. Comments are none.
 *
 * @example const next = messageReader(); next('event: a\nda'); next('ta: 1\n\n') // [{ event: 'a', id: '', data: '1' }]
 */
export function messageReader(): (text: string) => Message[] {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => messageOf(block) ?? []);
  };
}

function messageOf(block: string): Message | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(':');
    if (at <= 0) continue;
    const name = line.slice(0, at);
    const value = line.slice(at + 1).replace(/^ /, '');
    const before = fields.get(name);
    fields.set(name, name === 'data' && before !== undefined ? `${before}\n${value}` : value);
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { event: fields.get('event') ?? 'message', id: fields.get('id') ?? '', data };
}
