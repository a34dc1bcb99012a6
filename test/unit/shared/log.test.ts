/** What the log writes, and that secrets are not in it. */
import { describe, expect, it } from 'vitest';
import { createLogger, type Logger, type LogLevel } from '../../../services/shared/log.ts';

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

  it('says which token a caller has', () => {
    expect(JSON.parse(logged('info', (log) => log.info({ who: 'token:ops' }, 'call')))).toMatchObject({
      who: 'token:ops',
    });
  });

  it('hides the secrets of the process itself wherever they stand, and what Redis was asked', () => {
    let output = '';
    const secrets = ['s3cret word', 'p@ss'];
    const log = createLogger('info', {}, { write: (line: string) => (output += line) }, { secrets });
    const err = Object.assign(new Error('WRONGPASS s3cret word'), {
      command: { name: 'auth', args: ['default', 'pw'] },
    });
    log.warn({ err, url: '/stats?api_tok%en=s3cret%20word' }, 'no p%40ss and no p@ss');
    expect(output).not.toMatch(/s3cret|p@ss|p%40ss|"pw"/);
    expect(JSON.parse(output)).toMatchObject({ err: { command: { name: 'auth', args: '***' } } });
  });
});
