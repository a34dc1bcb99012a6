/** How a worker is, in words and as one of the colours of the state. Pure. */

import type { ShownWorker } from '../../../shared/console/live.ts';
import { words } from '../words/words.ts';

export function stateOf(worker: ShownWorker): { readonly text: string; readonly tone: 'good' | 'warn' | 'bad' } {
  const { state, reason = '', forMs = 0, lost = 0, viewers = 0, ffmpegs = 0 } = worker;
  const { states } = words.cluster;
  if (state === 'serving') return { text: states.serving, tone: 'good' };
  if (state === 'draining') return { text: states.draining(reason, viewers, ffmpegs), tone: 'warn' };
  if (state === 'silent') return { text: states.silent(forMs), tone: 'warn' };
  return { text: states.gone(reason, forMs, lost), tone: 'bad' };
}
