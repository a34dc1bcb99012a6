/** Time, timers and chance come from a worker's clock: what asks the platform itself cannot be simulated. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Folders, and single files, that ask only the clock that they are given. */
const CLOCKED = [
  'services/registry/resilient',
  'services/registry/turns.ts',
  'services/proxy/src/ownership',
  'services/proxy/src/relay',
  'services/proxy/src/cluster/heartbeat.ts',
  'services/proxy/src/feed',
  'services/proxy/src/upstream/provider',
  'services/proxy/src/upstream/failover',
  'services/proxy/src/sources',
  'services/proxy/src/streams',
  'services/proxy/src/worker/drain.ts',
  'services/proxy/src/upstream/http/answered-media.ts',
  'services/proxy/src/upstream/http/open-hop.ts',
  'services/proxy/src/upstream/http/open-upstream.ts',
  'services/proxy/src/upstream/messages/body-reader.ts',
  'services/proxy/src/processes/copy-run.ts',
  'services/proxy/src/processes/process-feed.ts',
  'services/proxy/src/processes/process-feeds.ts',
  'services/proxy/src/processes/run-entry.ts',
  'services/proxy/src/processes/run-output.ts',
  'services/proxy/src/processes/run-watch.ts',
  'services/proxy/src/processes/succession.ts',
  'services/proxy/src/viewers',
];

/** Those of them that must be given a clock. A default would let a part fall back to the clock of the system unseen. */
const GIVEN = [
  'services/proxy/src/upstream/failover',
  'services/proxy/src/sources',
  'services/proxy/src/streams',
  'services/proxy/src/worker/drain.ts',
];

/** What belongs to `services/shared/clock.ts`. A member of an object, as in `clock.setTimeout`, does not match. */
const DIRECT =
  /(?<![.\w])(?:Date\.now\(|performance\.now\(|setTimeout\(|clearTimeout\(|setInterval\(|clearInterval\(|setImmediate\(|Math\.random\(|randomUUID\(|randomBytes\(|pause\(|new Date\(\)|AbortSignal\.timeout\()/;

function filesOf(path: string): string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name));
}

it.each(CLOCKED)('%s asks only the clock that it is given', (path) => {
  const direct = filesOf(path).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, at) => (DIRECT.test(line) ? [`${file}:${at + 1} ${line.trim()}`] : [])),
  );
  expect(direct, 'take it from the clock in the dependencies; see services/shared/clock.ts').toEqual([]);
});

it.each(GIVEN)('%s has no clock of its own', (path) => {
  expect(filesOf(path).filter((file) => readFileSync(file, 'utf8').includes('systemClock'))).toEqual([]);
});

it('knows a direct use from one of a clock', () => {
  for (const line of ['const a = performance.now();', 'x = setTimeout(f, 1)', 'await pause(5)', '-Math.random()']) {
    expect(DIRECT.test(line), line).toBe(true);
  }
  for (const line of ['clock.setTimeout(f, 1)', 'this.#clock.random()', 'response.pause()', 'pauseBy(clock, 5)']) {
    expect(DIRECT.test(line), line).toBe(false);
  }
});
