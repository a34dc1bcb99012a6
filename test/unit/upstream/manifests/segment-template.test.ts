// What a player puts beside a sealed template, and the address that the worker makes of it.
import { describe, expect, it } from 'vitest';
import { durationMs, manifestFacts } from '../../../../services/proxy/src/upstream/manifests/manifest-facts.ts';
import {
  asTemplate,
  filled,
  ofRepresentation,
  variablesOf,
} from '../../../../services/proxy/src/upstream/manifests/segment-template.ts';
import { isManifest } from '../../../../services/proxy/src/upstream/provider/source-kind.ts';

describe('a segment template', () => {
  it('leaves to the player what only that knows', () => {
    expect(
      ofRepresentation('$RepresentationID$/$Bandwidth%06d$/$Number%05d$-$$.m4s', { id: 'v1', bandwidth: '800' }),
    ).toBe('v1/000800/$Number%05d$-$$.m4s');
    expect(variablesOf('$Number%05d$-$Time$')).toBe('&Number=$Number$&Time=$Time$');
    expect(variablesOf('$$Number$$')).toBe('');
    expect(variablesOf('$Number$.$SubNumber$')).toBe('&Number=$Number$&SubNumber=$SubNumber$');
  });

  it.each([
    ['a$Number%05d$.m4s', { Number: '12' }, 'a00012.m4s'],
    ['a$Number%05d$.m4s', { Number: '00012' }, 'a00012.m4s'],
    ['a$Number%02d$.m4s', { Number: '12345' }, 'a12345.m4s'],
    [
      '$Time$/$Number$/$Time$',
      { Time: '18446744073709551615', Number: '0' },
      '18446744073709551615/0/18446744073709551615',
    ],
    ['$$$Number$', { Number: '1' }, '$1'],
    ['init.mp4', {}, 'init.mp4'],
    ['init.mp4', { Number: '../../x' }, 'init.mp4'],
  ])('%s with %o is %s', (template, values, address) => {
    expect(filled(template, values)).toBe(address);
  });

  it.each(['', '-1', '1.5', '1e3', '../1', '1/2', '１', '1 ', 'a', '%31', '1'.repeat(21)])('takes no %j', (value) => {
    expect(filled('http://tv.example/$Number$.m4s', { Number: value })).toBeUndefined();
    expect(filled('http://tv.example/$Number$.m4s', {})).toBeUndefined();
  });

  it('gives back an address that is none, whatever dollar signs it has', () => {
    for (const address of ['a$b', 'a$Number$', '$$', 'x?p=$Time%03d$&q=$', '']) {
      expect(filled(asTemplate(address), {})).toBe(address);
      expect(variablesOf(asTemplate(address))).toBe('');
    }
  });
});

describe('a manifest', () => {
  it('is known by its first bytes', () => {
    const is = (text: string) => isManifest(Buffer.from(text));
    for (const text of ['<MPD>', '\uFEFF<?xml version="1.0"?>\n<MPD x="1">', '<?xml?><!-- <a> --><m:MPD ', ' <MPD\n']) {
      expect([text, is(text)]).toEqual([text, true]);
    }
    for (const text of ['', '#EXTM3U', '<html>', '<MPDX>', 'MPD>', '<SmoothStreamingMedia>', '{"a":"<MPD>"}']) {
      expect([text, is(text)]).toEqual([text, false]);
    }
  });

  it('says how long its segments are, and how soon it changes', () => {
    const facts = (attributes: string) =>
      manifestFacts(`<?xml version="1.0"?><MPD xmlns="x" ${attributes}><Period/></MPD>`);
    expect(
      facts('type="dynamic" minimumUpdatePeriod="PT2S" maxSegmentDuration="PT4.5S" timeShiftBufferDepth=\'PT1H2M\''),
    ).toEqual({ isLive: true, targetDurationMs: 4_500, updateMs: 2_000, windowMs: 3_720_000 });
    expect(facts('type="dynamic"')).toEqual({ isLive: true, targetDurationMs: 6_000, updateMs: 6_000, windowMs: 0 });
    expect(facts('type="dynamic" minimumUpdatePeriod="P1D"')).toMatchObject({ targetDurationMs: 60_000 });
    expect(facts('mediaPresentationDuration="PT1H"')).toMatchObject({ isLive: false, updateMs: 6_000 });
    expect([durationMs('PT0S'), durationMs('P1DT1H1M1.5S'), durationMs('P1Y'), durationMs('2')]).toEqual([
      0,
      90_061_500,
      undefined,
      undefined,
    ]);
  });
});
