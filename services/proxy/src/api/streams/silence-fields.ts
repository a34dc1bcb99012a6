/** What the creator of a stream says about silence: the fields, and the record that workers keep. */

import type { z } from 'zod';
import type { SilenceOrder } from '../../../../registry/types.ts';
import { bodyFlag, bodyInteger, bodyNumber } from '../http/fields.ts';

const MAX_SECONDS = 3_600;

const seconds = (least: number) =>
  bodyNumber.refine((value) => value >= least && value <= MAX_SECONDS, {
    message: `must be a number of seconds from ${least} to ${MAX_SECONDS}`,
  });

/** What is absent or null is as the settings of the same name say. */
export const silenceFields = {
  enable_silence_detection: bodyFlag
    .nullish()
    .describe('Whether the stream leaves a source that has fallen silent, if it has another one.'),
  silence_threshold_db: bodyNumber
    .refine((value) => value >= -90 && value <= 0, { message: 'must be a number of dB from -90 to 0' })
    .nullish()
    .describe('Sound whose peaks are below this is silence, in dB of full scale.'),
  silence_duration: seconds(0.1)
    .nullish()
    .describe('Seconds without sound at the end of a check that make it a silent one.'),
  silence_check_interval: seconds(0.5).nullish().describe('Seconds of sound from one check to the next.'),
  silence_monitoring_grace_period: seconds(0)
    .nullish()
    .describe('Seconds of sound of a source before its first check begins.'),
  silence_failover_threshold: bodyInteger
    .refine((value) => value >= 1 && value <= 1_000, { message: 'must be a whole number from 1 to 1000' })
    .nullish()
    .describe('Silent checks in a row that cause a failover.'),
};

type SilenceFields = { readonly [Name in keyof typeof silenceFields]?: z.output<(typeof silenceFields)[Name]> };

/** Undefined when the creator says nothing about it. */
export function silenceOrderOf(body: SilenceFields): SilenceOrder | undefined {
  const order: SilenceOrder = {};
  if (body.enable_silence_detection != null) order.enabled = body.enable_silence_detection;
  if (body.silence_threshold_db != null) order.thresholdDb = body.silence_threshold_db;
  if (body.silence_duration != null) order.durationMs = ms(body.silence_duration);
  if (body.silence_check_interval != null) order.checkIntervalMs = ms(body.silence_check_interval);
  if (body.silence_failover_threshold != null) order.failoverThreshold = body.silence_failover_threshold;
  if (body.silence_monitoring_grace_period != null) order.graceMs = ms(body.silence_monitoring_grace_period);
  return Object.keys(order).length === 0 ? undefined : order;
}

function ms(secondsOfBody: number): number {
  return Math.round(secondsOfBody * 1_000);
}
