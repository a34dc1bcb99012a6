/** Templates: splitting, quoting and variables. */
import { describe, expect, test } from 'vitest';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import {
  renderTemplate,
  splitTemplate,
  templateVariables,
} from '../../../../services/proxy/src/ffmpeg/profiles/template.ts';

describe('splitTemplate', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['  -i   a\t-vn \n -f mpegts ', ['-i', 'a', '-vn', '-f', 'mpegts']],
    [`-metadata title="a b" -x 'c d'`, ['-metadata', 'title=a b', '-x', 'c d']],
    [`-metadata title='a b'`, ['-metadata', 'title=a b']],
    ['-x "" -y', ['-x', '', '-y']],
    [`-vf "scale=-2:'min(720,ih)'"`, ['-vf', `scale=-2:'min(720,ih)'`]],
    [`-vf scale=-2:'min(720,ih)' -an`, ['-vf', `scale=-2:'min(720,ih)'`, '-an']],
    [`-filter:v 'scale=-2:720'`, ['-filter:v', 'scale=-2:720']],
    ['-vf scale=-2:min(720\\,ih)', ['-vf', 'scale=-2:min(720\\,ih)']],
    [`-force_key_frames expr:'gte(t,n_forced*2)'`, ['-force_key_frames', 'expr:gte(t,n_forced*2)']],
    ['-b:v {rate|2 M} -an', ['-b:v', '{rate|2 M}', '-an']],
    [`-x a"b"'c'd`, ['-x', 'abcd']],
  ])('%j', (template, words) => {
    expect(splitTemplate(template)).toEqual(words);
  });

  test.each(['-i "a', "-i 'a", `-vf "scale=-2:'a'`])('refuses an unclosed quote in %j', (template) => {
    expect(() => splitTemplate(template)).toThrow(/unclosed/);
  });
});

describe('renderTemplate', () => {
  const render = (template: string, variables: Record<string, string> = {}) => renderTemplate(template, variables);

  test('takes a value before a default, and an empty value before a default too', () => {
    expect(render('{a|1} {b|2} {c|3}', { a: 'x', c: '' })).toEqual(['x', '2', '']);
  });

  test.each(['x -i /etc/passwd', '" -i /etc/passwd "', "' -i x", 'x\n-i\ny', '{other}'])(
    'a value stays one argument: %j',
    (value) => {
      expect(render('-b:v {rate} -an', { rate: value, other: 'no' })).toEqual(['-b:v', value, '-an']);
    },
  );

  test('names the variable that has neither value nor default', () => {
    expect(() => render('-b:v {my_rate}')).toThrow(StreampoolError);
    expect(() => render('-b:v {my_rate}')).toThrow(/\{my_rate\}.*profile_variables/);
    expect(() => render('-b:v {toString}')).toThrow(/\{toString\}/);
  });

  test('leaves braces that are not variables, and the expansions of drawtext', () => {
    expect(render('-vf drawtext=text=%{localtime} {0,1} {}')).toEqual([
      '-vf',
      'drawtext=text=%{localtime}',
      '{0,1}',
      '{}',
    ]);
  });

  test('lists variables with their defaults', () => {
    expect([...templateVariables('{a|1} {b} {a} %{c}')]).toEqual([
      ['a', '1'],
      ['b', undefined],
    ]);
  });

  test('refuses what would be long before it is filled in, however often a variable stands there', () => {
    const value = 'x'.repeat(900_000);
    expect(() => render('{a}'.repeat(300), { a: value })).toThrow(/longer than 65536 characters/);
    expect(() => render('{a} '.repeat(300), { a: 'x'.repeat(300) })).toThrow(/longer than/);
    expect(() => render(`-i ${'y'.repeat(70_000)}`)).toThrow(/longer than/);
    expect(render('{a}', { a: 'x'.repeat(60_000) })[0]).toHaveLength(60_000);
  });
});
