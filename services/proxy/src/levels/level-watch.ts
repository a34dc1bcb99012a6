/** Watches the sound and the pictures of what one run reads or makes, as its stream asks for it. */

import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../shared/clock.ts';
import type { LevelSettings } from './level-settings.ts';
import type { Measured, MeterDeps } from './meter.ts';
import { Meters } from './meters.ts';
import { PictureMonitor } from './picture-monitor.ts';
import { SilenceMonitor } from './silence-monitor.ts';
import { SMALL_PICTURES } from './small-pictures.ts';
import { SOUND_LEVELS, type SoundLevel } from './sound-levels.ts';

/** Why a source should be left, as events and the failover resolver have it. */
export type LevelTrouble = 'silence_detected' | 'black_detected' | 'freeze_detected';

/** What is measured on this worker, once for each feed. */
export class LevelMeters {
  readonly sound: Meters<SoundLevel>;
  readonly pictures: Meters<Buffer>;

  constructor(deps: MeterDeps) {
    this.sound = new Meters(SOUND_LEVELS, deps);
    this.pictures = new Meters(SMALL_PICTURES, deps);
  }
}

interface Watched {
  readonly measured: Measured;
  readonly source: string;
  readonly settings: LevelSettings;
  readonly trouble: () => LevelTrouble | undefined;
  readonly end: () => void;
}

export class LevelWatch {
  readonly #meters: LevelMeters;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #watched: Watched | undefined;

  constructor(meters: LevelMeters, clock: Pick<Clock, 'monotonicMs'>) {
    this.#meters = meters;
    this.#clock = clock;
  }

  /**
   * Call it again and again. Another source, another feed or other settings begin anew, with their grace.
   * @param measured what is measured; undefined: there is nothing that can be
   * @param source what that comes from
   * @param settings undefined: nobody watches, or there is no other source
   * @returns what is wrong with the source
   */
  look(measured: Measured | undefined, source: string, settings: LevelSettings | undefined): LevelTrouble | undefined {
    const before = this.#watched;
    const isSame = before?.measured.feed === measured?.feed && before?.source === source;
    if (before === undefined || !isSame || !isDeepStrictEqual(before.settings, settings)) {
      this.close();
      if (measured !== undefined && settings !== undefined) this.#watched = this.#watch(measured, source, settings);
    }
    return this.#watched?.trouble();
  }

  close(): void {
    this.#watched?.end();
    this.#watched = undefined;
  }

  #watch(measured: Measured, source: string, settings: LevelSettings): Watched {
    const { sound, pictures } = this.#meters;
    const ends: (() => void)[] = [];
    const silence = settings.silence && new SilenceMonitor(settings.silence);
    if (silence !== undefined) ends.push(sound.listen(measured, (level) => silence.note(level.forMs, level.peakDb)));
    const shown = settings.black || settings.freeze ? new PictureMonitor() : undefined;
    if (shown !== undefined) {
      ends.push(pictures.listen(measured, (luma) => shown.note(luma, this.#clock.monotonicMs())));
    }
    const trouble = () => {
      if (silence?.isSilent === true) return 'silence_detected';
      if (settings.black && shown?.isBlack === true) return 'black_detected';
      return settings.freeze && shown?.isFrozen === true ? 'freeze_detected' : undefined;
    };
    const end = () => {
      for (const each of ends) each();
    };
    return { measured, source, settings, trouble, end };
  }
}
