/** A reader of what a source has answered, whose bytes count as received from it. */

import { type Clock, systemClock } from '../../../../shared/clock.ts';
import { BodyReader } from '../messages/body-reader.ts';
import type { UpstreamResponse } from './upstream-request.ts';

export function readerOf({ body, url, received }: UpstreamResponse, clock: Clock = systemClock): BodyReader {
  return new BodyReader(body, url, clock, received);
}
