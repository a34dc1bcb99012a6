/** What a profile says to the provider becomes the stream's headers, and never reaches FFmpeg. */
import { describe, expect, it } from 'vitest';
import { takeSourceOptions } from '../../../../services/proxy/src/ffmpeg/arguments/source-options.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const URL = 'http://tv.test/live/1.ts';
const taken = (...options: string[]) => takeSourceOptions([...options, '-i', URL, '-c', 'copy']);

describe('takeSourceOptions', () => {
  it.each([
    ['-user_agent', 'VLC/3.0', {}, 'VLC/3.0'],
    ['-user-agent', 'VLC/3.0', {}, 'VLC/3.0'],
    ['-user_agent', '', {}, undefined],
    ['-referer', 'http://tv.test/', { Referer: 'http://tv.test/' }, undefined],
    ['-headers', 'X-A: 1\\r\\nX-B: 2: 3\\r\\n', { 'X-A': '1', 'X-B': '2: 3' }, undefined],
    ['-headers', 'X-A: 1\r\nX-B:\r\n', { 'X-A': '1', 'X-B': '' }, undefined],
    ['-headers', 'X-A: 1\nUser-Agent: TiviMate', { 'X-A': '1' }, 'TiviMate'],
    ['-headers', '', {}, undefined],
    ['-cookies', 'a=1; path=/; domain=tv.test\nb=2;', { Cookie: 'a=1; b=2' }, undefined],
  ])('takes %s %j', (option, value, headers, userAgent) => {
    expect(taken(option, value)).toEqual({ args: ['-i', URL, '-c', 'copy'], headers, userAgent });
  });

  it('takes -user_agent before a header of that name', () => {
    expect(taken('-headers', 'User-Agent: a', '-user_agent', 'b').userAgent).toBe('b');
  });

  it.each([
    ['-headers', 'no header'],
    ['-headers', 'X-A: 1\\r\\n: 2'],
    ['-cookies', 'no cookie'],
  ])('refuses %s %j, and does not show it', (option, value) => {
    expect(() => taken(option, value)).toThrow(new RegExp(`'${option}' is refused: each line must be`));
    expect(() => taken(option, value)).not.toThrow(value);
  });

  it('refuses one without a value, and leaves the others and those behind the input alone', () => {
    expect(() => taken('-user_agent')).toThrow(/it needs a value/);
    const behind = ['-re', '-i', URL, '-user_agent', 'x'];
    expect(takeSourceOptions(behind)).toEqual({ args: behind, headers: {}, userAgent: undefined });
  });

  it('is part of reading a profile, whose arguments no longer have them', () => {
    const profile =
      '-user_agent "VLC {version|3}" -headers "Authorization: Basic YTpi\\r\\n" -i {input_url} -c copy {output_args}';
    const resolved = resolveProfile({ profile, variables: {}, inputUrl: URL }, { type: 'cpu', device: '', hevc: true });
    expect(resolved.source).toEqual({ userAgent: 'VLC 3', headers: { Authorization: 'Basic YTpi' } });
    expect(resolved.args.join(' ')).toBe(`-i ${URL} -c copy pipe:1`);
    expect(resolved.inputOptions).toEqual([]);
  });
});
