/** In which container a viewer gets segments who asks for none. */

import { expect, it } from 'vitest';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import type { Container } from '../../../services/proxy/src/feed/hls/segment-events.ts';
import { ContainerChoice, saidContainer } from '../../../services/proxy/src/segments/container-choice.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import type { LoopName } from '../../support/fixtures.ts';
import { markedLoop } from '../../support/segmented.ts';

const { signal } = new AbortController();

/** @param agreed what other workers have said before */
function choosing({ said, agreed }: { said?: Container; agreed?: string } = {}) {
  const feed = new Feed({ retainMs: 60_000, joinBufferMs: 0, maxBytes: 2 ** 30 });
  const offers: string[] = [];
  const agree = async (name: string, offered: string) => {
    offers.push(`${name} ${offered}`);
    return agreed ?? offered;
  };
  const choice = new ContainerChoice({ feed, said, agree, waitMs: 50, clock: systemClock });
  const play = async (name: LoopName) => {
    const [entry] = (await markedLoop(name, { seconds: 3 })).entries;
    if (entry === undefined) throw new Error('the loop has no keyframe');
    feed.ring.append(Buffer.alloc(188), 0, 188);
    feed.ring.mark(entry.prefix, entry.dts / 90);
    feed.publish();
  };
  return { feed, offers, play, chosen: () => choice.of(signal) };
}

it.each<[LoopName, Container]>([
  ['hevc', 'fmp4'],
  ['bframes', 'ts'],
  ['mpeg2', 'ts'],
  ['audio-only', 'ts'],
])('%s has the container that its pictures need, and all workers agree on it once', async (name, container) => {
  const { play, chosen, offers } = choosing();
  await play(name);
  expect([await chosen(), await chosen()]).toEqual([container, container]);
  expect(offers).toEqual([`hls-container ${container}`]);
});

it('waits for the first picture, and takes what other workers have said', async () => {
  const { play, chosen } = choosing({ agreed: 'fmp4' });
  const waiting = chosen();
  await play('bframes');
  expect(await waiting).toBe('fmp4');
});

it('waits no longer than for a segment, and asks nobody where the profile says it', async () => {
  const silent = choosing();
  expect([await silent.chosen(), silent.offers]).toEqual(['ts', []]);
  const over = choosing();
  over.feed.finish({ kind: 'ended' });
  expect(await over.chosen()).toBe('ts');
  const said = choosing({ said: 'fmp4' });
  expect([await said.chosen(), said.offers]).toEqual(['fmp4', []]);
});

it.each([
  ['-f hls -hls_segment_type fmp4 index.m3u8', 'fmp4'],
  ['-f hls -hls_segment_type mpegts index.m3u8', 'ts'],
  ['-f hls -hls_segment_type mpegts -hls_segment_type fmp4', 'fmp4'],
  ['-f hls -hls_time 4', undefined],
])('a profile with "%s" says', (args, container) => {
  expect(saidContainer(args.split(' '))).toBe(container);
});
