/** What is looked for in the sound and the pictures of a stream: what it asks for, else what the settings say. Pure. */

import type { SilenceOrder } from '../../../registry/types.ts';
import type { SilenceSettings } from './silence-monitor.ts';

/** What the settings of the worker say. */
export interface LevelDefaults {
  readonly silence: SilenceSettings & { readonly enabled: boolean };
  /** BLACK_DETECTION */
  readonly black: boolean;
  /** FREEZE_DETECTION */
  readonly freeze: boolean;
}

/** A `Config` has these fields. */
export interface LevelConfig {
  readonly silenceDetection: boolean;
  readonly silenceThresholdDb: number;
  readonly silenceDurationMs: number;
  readonly silenceCheckIntervalMs: number;
  readonly silenceFailoverThreshold: number;
  readonly silenceGraceMs: number;
  readonly blackDetection: boolean;
  readonly freezeDetection: boolean;
}

export function levelDefaults(config: LevelConfig): LevelDefaults {
  return {
    silence: {
      enabled: config.silenceDetection,
      thresholdDb: config.silenceThresholdDb,
      durationMs: config.silenceDurationMs,
      checkIntervalMs: config.silenceCheckIntervalMs,
      failoverThreshold: config.silenceFailoverThreshold,
      graceMs: config.silenceGraceMs,
    },
    black: config.blackDetection,
    freeze: config.freezeDetection,
  };
}

export interface LevelSettings {
  /** Undefined: silence is no fault. */
  readonly silence: SilenceSettings | undefined;
  readonly black: boolean;
  readonly freeze: boolean;
}

export function levelSettings({ silence, black, freeze }: LevelDefaults, asked: SilenceOrder = {}): LevelSettings {
  const { enabled, ...byDefault } = silence;
  const { enabled: isAsked = enabled, ...own } = asked;
  return { silence: isAsked ? { ...byDefault, ...own } : undefined, black, freeze };
}
