/** A stage without a certificate: it is refused, or allowed by its own word and then said aloud at every synthesis. */

import { type StageConfig, StageError } from './config.ts';

/**
 * Not a rule of the stage itself: what such a stage costs or consists of can still be asked.
 *
 * @returns the warning for a stage that allows plain HTTP; undefined for one with a certificate
 * @throws {StageError} for a stage that has neither
 */
export function checkPlainHttp({ stage, certificateArn, insecureHttp }: StageConfig): string | undefined {
  if (certificateArn !== undefined) return undefined;
  if (!insecureHttp) {
    throw new StageError([
      `insecureHttp: the stage "${stage}" has no certificate, so API tokens and everything that people watch would go over plain ` +
        'HTTP. Give it a domain and its certificateArn. Or allow it, for a try or behind a CDN of your own: "insecureHttp": true.',
    ]);
  }
  return `Warning: the stage "${stage}" has no certificate (insecureHttp). API tokens and everything that people watch go over plain HTTP.`;
}
