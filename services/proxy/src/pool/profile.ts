/** What the pool has to know of a stream's profile. */

import type { StreamProfile } from '../../../registry/types.ts';
import type { OpaqueContainer } from '../feed/containers/index.ts';

/** The container that is passed on as opaque fragments; undefined for MPEG-TS. */
export function opaqueContainer(profile: StreamProfile): OpaqueContainer | undefined {
  return profile.container === 'mpegts' ? undefined : (profile.container as OpaqueContainer);
}
