/** When a source counts as silent. */

import { describe, expect, it } from 'vitest';
import { levelDefaults, levelSettings } from '../../../services/proxy/src/levels/level-settings.ts';
import { SilenceMonitor, type SilenceSettings } from '../../../services/proxy/src/levels/silence-monitor.ts';
import { SOUND_LEVELS } from '../../../services/proxy/src/levels/sound-levels.ts';

const PIECE_MS = 250;
const TONE = -18;
const NOISE = -60;
const NOTHING = Number.NEGATIVE_INFINITY;

const DEFAULTS: SilenceSettings = {
  thresholdDb: -50,
  durationMs: 3_000,
  checkIntervalMs: 10_000,
  failoverThreshold: 3,
  graceMs: 15_000,
};

/** @param heard seconds and their loudness. @returns after how many seconds it was silent; undefined: it never was */
function silentAfter(heard: readonly (readonly [number, number])[], settings: Partial<SilenceSettings> = {}) {
  const monitor = new SilenceMonitor({ ...DEFAULTS, ...settings });
  let atMs = 0;
  for (const [seconds, peakDb] of heard) {
    for (const untilMs = atMs + seconds * 1_000; atMs < untilMs; ) {
      monitor.note(PIECE_MS, peakDb);
      atMs += PIECE_MS;
      if (monitor.isSilent) return atMs / 1_000;
    }
  }
  return undefined;
}

describe('a source', () => {
  it.each([
    ['with a tone', [[600, TONE]]],
    [
      'with a pause of 20 s',
      [
        [60, TONE],
        [20, NOTHING],
        [60, TONE],
      ],
    ],
    ['with pauses of 8 s', Array.from({ length: 60 }, (_, n) => [8, n % 2 === 0 ? TONE : NOTHING] as const)],
    [
      'that is silent for 40 s at its beginning',
      [
        [40, NOTHING],
        [60, TONE],
      ],
    ],
    [
      'whose sound comes again before each check',
      Array.from(
        { length: 60 },
        () =>
          [
            [8, NOTHING],
            [2, TONE],
          ] as const,
      ).flat(),
    ],
  ] as const)('%s is not silent', (_what, heard) => {
    expect(silentAfter(heard)).toBeUndefined();
  });

  it.each([
    ['digitally', NOTHING, {}, 45],
    ['with noise below the threshold', NOISE, {}, 45],
    ['by a threshold of its own', TONE, { thresholdDb: -10 }, 45],
    ['after other windows', NOTHING, { checkIntervalMs: 5_000, failoverThreshold: 4 }, 35],
    ['without a grace', NOTHING, { graceMs: 0 }, 30],
  ])('that is silent %s is noticed when the grace and its windows are over', (_how, peakDb, settings, seconds) => {
    expect(silentAfter([[300, peakDb]], settings)).toBe(seconds);
  });

  it('is silent by its own threshold alone', () => {
    expect(silentAfter([[300, NOISE]], { thresholdDb: -70 })).toBeUndefined();
  });

  it('that falls silent later is noticed after three windows', () => {
    expect(
      silentAfter([
        [65, TONE],
        [300, NOTHING],
      ]),
    ).toBe(95);
  });

  it('has sound again', () => {
    const monitor = new SilenceMonitor({ ...DEFAULTS, graceMs: 0 });
    for (let n = 0; n < 160; n++) monitor.note(PIECE_MS, NOTHING);
    expect(monitor.isSilent).toBe(true);
    for (let n = 0; n < 40; n++) monitor.note(PIECE_MS, TONE);
    expect(monitor.isSilent).toBe(false);
  });
});

describe('what a stream asks for', () => {
  const defaults = levelDefaults({
    silenceDetection: false,
    silenceThresholdDb: -50,
    silenceDurationMs: 3_000,
    silenceCheckIntervalMs: 10_000,
    silenceFailoverThreshold: 3,
    silenceGraceMs: 15_000,
    blackDetection: true,
    freezeDetection: false,
  });

  it('is as the settings say where it says nothing', () => {
    expect(levelSettings(defaults)).toEqual({ silence: undefined, black: true, freeze: false });
    expect(levelSettings(defaults, { thresholdDb: -40 }).silence).toBeUndefined();
    expect(levelSettings(defaults, { enabled: true }).silence).toEqual(DEFAULTS);
    const on = { ...defaults, silence: { ...defaults.silence, enabled: true } };
    expect(levelSettings(on, { graceMs: 0, thresholdDb: -40 }).silence).toEqual({
      ...DEFAULTS,
      graceMs: 0,
      thresholdDb: -40,
    });
    expect(levelSettings(on, { enabled: false }).silence).toBeUndefined();
  });
});

it('reads what FFmpeg writes, however it is cut', () => {
  const text = [
    'frame:0    pts:0       pts_time:0',
    'lavfi.astats.Overall.Peak_level=-18.061799',
    'frame:1    pts:12000   pts_time:0.25',
    'lavfi.astats.Overall.Peak_level=-inf',
    'frame:2    pts:24000   pts_time:0.5',
    'lavfi.astats.Overall.Peak_level=0.000000',
    'frame:3    pts:36',
  ].join('\n');
  for (const size of [1, 7, 40, 1_000]) {
    const read = SOUND_LEVELS.reader();
    const levels = [];
    for (let at = 0; at < text.length; at += size) levels.push(...read(Buffer.from(text.slice(at, at + size))));
    expect(levels).toEqual([-18.061799, NOTHING, 0].map((peakDb) => ({ forMs: 250, peakDb })));
  }
});
