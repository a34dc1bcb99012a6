/** A stream as somebody asks for it, with nothing special about it. */

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
