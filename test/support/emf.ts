/**
 * A line of a log as CloudWatch's embedded metric format must have it; a wrong one does not parse. The rules are those of AWS's
 * "Specification: Embedded metric format" and of its JSON schema.
 */

import { z } from 'zod';

const DAY_MS = 86_400_000;
const UNITS = [
  'Seconds',
  'Microseconds',
  'Milliseconds',
  ...['', '/Second'].flatMap((per) =>
    ['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'].map((size) => `${size}${per}`),
  ),
  ...['', '/Second'].flatMap((per) =>
    ['Bits', 'Kilobits', 'Megabits', 'Gigabits', 'Terabits'].map((size) => `${size}${per}`),
  ),
  'Percent',
  'Count',
  'Count/Second',
  'None',
];

const directive = z.strictObject({
  Namespace: z.string().regex(/^[\w.\-/#:]{1,255}$/),
  Dimensions: z.array(z.array(z.string().min(1).max(250)).max(30)).min(1),
  Metrics: z
    .array(
      z.strictObject({
        Name: z.string().min(1).max(1024),
        Unit: z.enum(UNITS).optional(),
        StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
      }),
    )
    .min(1)
    .max(100),
});

const metadata = z.strictObject({
  // CloudWatch takes values of the last two weeks, and of the next two hours.
  Timestamp: z
    .int()
    .refine((ms) => ms > Date.now() - 14 * DAY_MS && ms < Date.now() + DAY_MS / 12, 'not a time of now'),
  CloudWatchMetrics: z.array(directive).min(1),
});

export interface PublishedMetric {
  readonly namespace: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly name: string;
  readonly unit: string | undefined;
  readonly value: number;
}

/**
 * What CloudWatch makes of a line.
 *
 * @param line the whole message: nothing may stand before or after the object
 * @throws {ZodError} where CloudWatch would make nothing of it
 */
export function metricsIn(line: string): PublishedMetric[] {
  // A longer message reaches the log driver in pieces.
  z.string().max(16_384).parse(line);
  const { _aws, ...fields } = z.looseObject({ _aws: metadata }).parse(JSON.parse(line));
  return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(
        names.map((name) => [name, z.string().min(1).max(1024).parse(fields[name])]),
      );
      return Metrics.map(({ Name, Unit }) => ({
        namespace: Namespace,
        dimensions,
        name: Name,
        unit: Unit,
        value: z.number().parse(fields[Name]),
      }));
    }),
  );
}
