/** The bit rate of a source that does not say it. */

import { expect, it } from 'vitest';
import { MeasuredBandwidth } from '../../../../services/proxy/src/upstream/hls/measured-bandwidth.ts';

it('is the highest of the newest twenty segments, each by its own length', () => {
  const measured = new MeasuredBandwidth();
  measured.names(new Map([['long', 4]]));
  measured.came('long', 4_000_000);
  expect(measured.bitsPerSecond).toBe(8_000_000);
  const names = Array.from({ length: 20 }, (_, n) => `${n}`);
  measured.names(new Map(names.map((name) => [name, 0.5])));
  for (const name of names.slice(1)) measured.came(name, 1_001);
  expect(measured.bitsPerSecond).toBe(8_000_000);
  measured.came('0', 1_000);
  expect(measured.bitsPerSecond).toBe(16_016);
});

it.each([
  ['of which no playlist says how long it plays', new Map()],
  ['that plays for no time', new Map([['a', 0]])],
  ['whose length is no number', new Map([['a', Number.NaN]])],
])('knows nothing of a segment %s', (_what, seconds) => {
  const measured = new MeasuredBandwidth();
  measured.names(seconds);
  measured.came('a', 1_000);
  expect(measured.bitsPerSecond).toBe(1);
});
