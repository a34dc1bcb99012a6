/** What the log writes, and that secrets are not in it. */
import { describe, expect, it } from 'vitest';
import { createLogger, type Logger, type LogLevel, maskQuerySecrets } from '../../services/proxy/src/log.ts';

function logged(level: LogLevel, write: (log: Logger) => void): string {
  let output = '';
  write(createLogger(level, { worker: 'w1' }, { write: (line: string) => (output += line) }));
  return output;
}

describe('createLogger', () => {
  it('writes a JSON object a line, with the level by name, an ISO time and the bindings', () => {
    const line: unknown = JSON.parse(logged('info', (log) => log.warn({ stream: 's' }, 'slow')));
    expect(line).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      worker: 'w1',
      stream: 's',
      msg: 'slow',
    });
  });

  it('leaves out what is less severe than its level', () => {
    expect(logged('error', (log) => log.warn('no'))).toBe('');
  });

  it('hides tokens, passwords and credentials in headers, however deep they lie', () => {
    const headers = { authorization: 'SECRET', Cookie: 'SECRET', 'x-api-token': 'SECRET', accept: '*/*' };
    const output = logged('info', (log) => log.info({ headers, request: { headers }, apiToken: 'SECRET' }, 'x'));
    expect(output).not.toContain('SECRET');
    expect(output).toContain('*/*');
  });

  it('hides tokens in URLs, wherever they stand in a line, and leaves the line valid JSON', () => {
    const url = 'http://x/stats?api_token=SECRET';
    const output = logged('info', (log) => log.info({ url }, `asked for "${url}"`));
    expect(output).not.toContain('SECRET');
    expect(JSON.parse(output)).toMatchObject({ url: 'http://x/stats?api_token=***' });
  });
});

describe('maskQuerySecrets', () => {
  it('hides the value alone', () => {
    expect(maskQuerySecrets('/a?token=1&b=2&api_token=3#c')).toBe('/a?token=***&b=2&api_token=***#c');
    expect(maskQuerySecrets('"/stream/a?signature=17.x-_9&u=ann"')).toBe('"/stream/a?signature=***&u=ann"');
    expect(maskQuerySecrets('/a?broken=1')).toBe('/a?broken=1');
  });
});
