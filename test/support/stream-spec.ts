/** The definition of an ordinary stream. */

import type { StreamSpec } from '../../services/registry/types.ts';

export const SPEC: StreamSpec = {
  id: 'a'.repeat(32),
  url: 'http://provider/1.ts',
  failoverUrls: [],
  failoverResolverUrl: undefined,
  userAgent: 'test',
  headers: {},
  metadata: {},
  profile: undefined,
};
