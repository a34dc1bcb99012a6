/** How many viewers workers say that they have: together as many as there are. */

import { expect, it } from 'vitest';
import { clientShare, type ViewersHere } from '../../../services/proxy/src/metrics/client-share.ts';

const SESSIONS = 10;

it.each<[string, ViewersHere[]]>([
  ['all of them serve', [10, 10, 10].map((sessions) => ({ clients: sessions + 2, sessions, isDraining: false }))],
  ['one of them serves', [10, 0, 0].map((sessions) => ({ clients: sessions + 2, sessions, isDraining: false }))],
  [
    'one serves that drains',
    [10, 10, 0].map((sessions, n) => ({ clients: sessions + 2, sessions, isDraining: n === 0 })),
  ],
])('sessions that %s count once, beside two responses of each', (_what, here) => {
  const workers = here.filter(({ isDraining }) => !isDraining).length;
  const shares = here.map((each) => clientShare(each, { sessions: SESSIONS, workers }));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(3 * 2 + SESSIONS);
  expect(shares[2]).toBeCloseTo(2 + SESSIONS / workers);
});

it('a worker that drains as the last one has those that it serves', () => {
  expect(clientShare({ clients: 5, sessions: 3, isDraining: true }, { sessions: 3, workers: 0 })).toBe(5);
});
