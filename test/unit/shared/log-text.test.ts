/** The log as people read it on a terminal: one line each, in words, and nothing in it can take the terminal over. */

import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '../../../services/shared/log.ts';
import { type LogFormat, textFor } from '../../../services/shared/log-text.ts';

const TERMINAL = { isTTY: true, hasColors: () => true };
const PIPE = {};
const STREAM = '5b0c12ab5b0c12ab5b0c12ab5b0c12ab';

interface Look {
  readonly format?: LogFormat;
  readonly out?: Parameters<typeof textFor>[1];
  readonly worker?: boolean;
}

/** What a logger writes, without the time at the beginning. */
function written(write: (log: Logger) => void, { format = 'text', out = PIPE, worker = false }: Look = {}): string {
  let output = '';
  const log = createLogger(
    'debug',
    { worker: 'worker-2' },
    { write: (line: string) => (output += line) },
    {
      secrets: ['s3cret'],
      aboutStream: (id) => (id === STREAM ? { name: 'BBC One', profile: '720p' } : undefined),
      asText: textFor(format, out, worker),
    },
  );
  write(log);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colour of the time
  return output.replace(/^(?:\u001b\[\d+m)?\d\d:\d\d:\d\d\.\d{3}(?:\u001b\[\d+m)? /gm, '').trimEnd();
}

describe('a line', () => {
  it('has the level, the message and the other fields', () => {
    expect(written((log) => log.info({ address: 'http://0.0.0.0:8085/', tries: 2 }, 'listening'))).toBe(
      'info  listening address=http://0.0.0.0:8085/ tries=2',
    );
  });

  it('says which worker it is of where there are several', () => {
    expect(written((log) => log.warn('late'), { worker: true })).toBe('warn  worker-2 late');
  });

  it("begins with the stream's name, unless the message has it", () => {
    expect(written((log) => log.warn({ stream: STREAM }, 'replacing FFmpeg: no output'))).toBe(
      'warn  BBC One: replacing FFmpeg: no output profile=720p stream=5b0c12ab…',
    );
    expect(written((log) => log.warn({ stream: STREAM }, 'FFmpeg of BBC One ended'))).toMatch(/^warn {2}FFmpeg of BBC/);
  });

  it('says what a request and a viewer are about in words', () => {
    const request = { method: 'GET', url: '/stats', status: 401, ms: 3, ip: '10.0.0.7', reason: 'No token.' };
    expect(written((log) => log.info(request, 'request'))).toBe(
      'info  GET /stats: 401 in 3 ms, for 10.0.0.7 reason="No token."',
    );
    const viewer = { stream: STREAM, client: 'client_1' };
    expect(
      written((log) => log.info({ ...viewer, user: 'ann', ip: '10.0.0.7', player: 'VLC' }, 'viewer joined')),
    ).toMatch(/^info {2}BBC One: viewer joined: ann, 10\.0\.0\.7, VLC .*client=client_1/);
    expect(
      written((log) => log.info({ ...viewer, seconds: 61.2, mbps: 2.6, bytes: 9, skips: 0 }, 'viewer left')),
    ).toMatch(/^info {2}BBC One: viewer left after 61\.2 s, 2\.6 Mbit\/s profile/);
    expect(written((log) => log.info(viewer, 'viewer left'))).toMatch(/^info {2}BBC One: viewer left profile/);
  });

  it('leaves out the fields that a sentence has in words', () => {
    const fields = { type: 'takeover', stream: STREAM, slot: 0, from: 'a', to: 'b', gapMs: 31, clientsKept: 4 };
    expect(
      written((log) => log.warn(fields, 'b took BBC One over from a: 31 ms without media, 4 viewers stayed')),
    ).toBe(
      'warn  b took BBC One over from a: 31 ms without media, 4 viewers stayed profile=720p stream=5b0c12ab… slot=0',
    );
  });

  it('is one line, with a stack behind it for errors alone', () => {
    const err = new Error('two\nlines');
    expect(written((log) => log.warn({ err }, 'odd'))).toBe('warn  odd err="two\\nlines"');
    const lines = written((log) => log.error({ err }, 'a bug')).split('\n');
    expect(lines[0]).toBe('error a bug err="two\\nlines"');
    expect(lines.slice(1).join('\n')).toContain('log-text.test.ts');
  });

  it('shows what would take the terminal over, and masks secrets', () => {
    const evil = '\u001b[2J\u0007\u202egnp.exe\r\n';
    const line = written((log) => log.warn({ player: evil, url: 'http://x/?token=s3cret' }, `said ${evil}`));
    expect(line).toContain('\\u001b[2J\\u0007\\u202egnp.exe\\r\\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there is none
    expect(line).not.toMatch(/[\u0000-\u001f\u202e]|s3cret/);
  });
});

describe('the format', () => {
  const first = (look: Look) => written((log) => log.info('x'), look);

  it('is JSON where nobody reads along, and where it is asked for', () => {
    for (const look of [{ format: 'auto' }, { format: 'json', out: TERMINAL }] as const) {
      expect(JSON.parse(first(look))).toMatchObject({ level: 'info', worker: 'worker-2', msg: 'x' });
    }
  });

  it('is text on a terminal, in colour unless the terminal has none', () => {
    expect(first({ format: 'auto', out: TERMINAL })).toContain('\u001b[32minfo ');
    // Node asks NO_COLOR.
    expect(first({ format: 'auto', out: { isTTY: true, hasColors: () => false } })).toBe('info  x');
    expect(first({ format: 'text' })).toBe('info  x');
  });
});

it('JSON says of a stream what it is called and how it is made, before the message', () => {
  const line = written((log) => log.info({ stream: STREAM }, 'viewer left'), { format: 'json' });
  expect(JSON.parse(line)).toMatchObject({ stream: STREAM, name: 'BBC One', profile: '720p' });
  expect(line).toMatch(/"msg":"viewer left"\}$/);
  expect(written((log) => log.info({ stream: 'other' }, 'x'), { format: 'json' })).not.toContain('name');
});
