/** Whom to believe of a stream: who has met it, unless it was deleted since. */

import { expect, it } from 'vitest';
import { newStream } from '../../../services/registry/new-stream.ts';
import { believed, type StreamReport } from '../../../services/registry/stream-report.ts';
import type { StreamRecord } from '../../../services/registry/types.ts';
import { SPEC } from '../../support/stream-spec.ts';

function stream(createdAtMs: number, movedAtMs?: number): StreamRecord {
  const record = newStream(SPEC, createdAtMs);
  return { ...record, failover: { ...record.failover, lastAtMs: movedAtMs } };
}

const cases: [string, StreamReport[], StreamRecord | undefined][] = [
  ['nobody was asked', [], undefined],
  ['nobody knows it', [{}, {}], undefined],
  ['one of several has met it', [{}, { stream: stream(5) }, {}], stream(5)],
  ['another one has deleted it since', [{ stream: stream(5) }, { deletedAtMs: 6 }], undefined],
  ['it was deleted in the moment it was made', [{ deletedAtMs: 5 }, { stream: stream(5) }], undefined],
  ['it was made anew after a deletion', [{ deletedAtMs: 6 }, { stream: stream(7) }], stream(7)],
  ['only some know of the new one', [{ stream: stream(5) }, { deletedAtMs: 6 }, { stream: stream(7) }], stream(7)],
  [
    'several deleted it, the last one after it was made anew',
    [{ deletedAtMs: 6 }, { stream: stream(7) }, { deletedAtMs: 8 }],
    undefined,
  ],
  [
    'it was made anew where nobody knew that somebody watches it',
    [{ stream: stream(7) }, { stream: stream(5), viewers: 1 }],
    stream(5),
  ],
  ['it was made anew, and nobody watches', [{ stream: stream(7) }, { stream: stream(5, 9), viewers: 0 }], stream(7)],
  [
    'its source has moved on',
    [{ stream: stream(5) }, { stream: stream(5, 9) }, { stream: stream(5, 8) }],
    stream(5, 9),
  ],
];

it.each(cases)('%s', (_, streamReports, answer) => {
  expect(believed(streamReports)).toEqual(answer);
});
