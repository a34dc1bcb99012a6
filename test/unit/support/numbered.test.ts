/** What the judge of numbered pictures and tones finds in the loops themselves, and in what was cut out of them on purpose. */
import { beforeAll, describe, expect, it } from 'vitest';
import { judgeTs } from '../../support/judge/index.ts';
import { loadLoop, PACKET, shifted } from '../../support/live/loop.ts';
import { picturesIn, soundIn } from '../../support/numbered/decoded.ts';
import { type Findings, findings, wrongIn } from '../../support/numbered/findings.ts';
import { type LoopMap, loopMap, type NumberedLoop } from '../../support/numbered/loop-map.ts';
import { owed } from '../../support/numbered/owed.ts';
import { tonesIn } from '../../support/numbered/tone-code.ts';

/** Packets of the loop, from the first up to, and without, the second. */
type Stretch = readonly [from: number, to: number];

const NO_FAULT = { atMs: 0, atPacket: 0, readerDies: false, decoderBegins: false };

/** What the judge says of a viewer who got these stretches one after the other, from a provider that sent those. */
async function judged(name: NumberedLoop, got: readonly Stretch[], sent: readonly Stretch[] = got): Promise<Findings> {
  const { bytes } = await loadLoop(name);
  const packets = got.map(([from, to]) => bytes.subarray(from * PACKET, to * PACKET));
  return judgedBytes(name, Buffer.concat(packets), sent);
}

async function judgedBytes(name: NumberedLoop, bytes: Buffer, sent: readonly Stretch[]): Promise<Findings> {
  const pictures = await picturesIn(bytes);
  const shown = new Set(pictures.flatMap(({ number }) => number ?? []));
  const tones = tonesIn(await soundIn(bytes), Math.round(Math.min(...shown) / 2.5));
  const connections = sent.map((stretch) => ({ openedAt: 1, sent: stretch }));
  const due = owed(await loopMap(name), connections, NO_FAULT, shown);
  return findings({ bytes, arrivals: [] }, judgeTs(bytes), { pictures, tones }, due);
}

/** The packet with which picture `number` begins, or, for `number` + 0.5, the one after its last. */
function at(map: LoopMap, number: number): number {
  const picture = map.pictures.find((each) => each.number === Math.floor(number));
  if (picture === undefined) throw new Error(`no picture ${number}`);
  return Number.isInteger(number) ? picture.from : picture.to;
}

describe('a numbered loop', () => {
  it.each<NumberedLoop>(['numbered', 'numbered-bframes', 'numbered-open-gop', 'numbered-interlaced'])(
    '%s is exact',
    async (name) => {
      const found = await judged(name, [[0, at(await loopMap(name), 250)]]);
      expect(wrongIn(found)).toEqual([]);
      expect(found.pictures).toBeGreaterThan(230);
    },
  );

  it('has keyframes of an open GOP that others refer over', async () => {
    const { pictures } = await loopMap('numbered-open-gop');
    const second = pictures.findIndex(({ keyframe }, index) => keyframe && index > 0);
    expect(pictures[second + 1]?.number).toBeLessThan(pictures[second]?.number ?? 0);
  });
});

describe('the judge finds', () => {
  let map: LoopMap;
  beforeAll(async () => {
    map = await loopMap('numbered');
  });

  it('what the provider sent and the viewer did not get', async () => {
    const end = at(map, 300);
    const found = await judged(
      'numbered',
      [
        [0, at(map, 80)],
        [at(map, 100), end],
      ],
      [[0, end]],
    );
    expect(found.missing).toEqual([{ after: 79, before: 100, lost: 20 }]);
    expect(found.tonesMissing.map(({ lost }) => lost > 0)).toEqual([true]);
  });

  it('what the provider never sent again, which is no loss', async () => {
    const sent: Stretch[] = [
      [0, at(map, 80)],
      [at(map, 120), at(map, 300)],
    ];
    const got: Stretch[] = [
      [0, at(map, 80)],
      [at(map, 150), at(map, 300)],
    ];
    const found = await judged('numbered', got, sent);
    expect(found.missing).toEqual([{ after: 79, before: 150, lost: 0 }]);
    expect(found.tonesMissing.map(({ lost }) => lost)).toEqual([0]);
    expect(wrongIn(found)).toEqual([]);
  });

  it('what is shown and heard again', async () => {
    const found = await judged('numbered', [
      [0, at(map, 120)],
      [at(map, 100), at(map, 300)],
    ]);
    expect(found.twice).toEqual(Array.from({ length: 20 }, (_, n) => 100 + n));
    expect(found.tonesTwice).toHaveLength(1);
  });

  it('a picture that lacks those it refers to', async () => {
    const { bytes } = await loadLoop('numbered');
    const silenced = Buffer.from(bytes.subarray(0, at(map, 200) * PACKET));
    const lost = map.pictures.filter(({ number }) => number >= 60 && number < 62);
    for (const { from, to } of lost) {
      for (let packet = from; packet < to; packet++) silenced.writeUInt16BE(0x1fff, packet * PACKET + 1);
    }
    const found = await judgedBytes('numbered', silenced, [[0, at(map, 200)]]);
    expect(found.missing.concat(found.broken > 0 ? [{ after: 0, before: 0, lost: 0 }] : [])).not.toEqual([]);
  });

  it('a clock that moves by a single tick', async () => {
    const { bytes } = await loadLoop('numbered');
    const [middle, end] = [at(map, 100) * PACKET, at(map, 200) * PACKET];
    const moved = Buffer.concat([bytes.subarray(0, middle), shifted(bytes.subarray(middle, end), 3)]);
    const found = await judgedBytes('numbered', moved, [[0, at(map, 200)]]);
    expect(found.timeSteps).toEqual([{ number: 100, tooMuchMs: 3 / 90 }]);
    expect(found.soundSteps).toEqual([3 / 90]);
  });

  it('sound of one unit that is missing while its times are right', async () => {
    const { bytes } = await loadLoop('numbered');
    const unit = map.sounds[20];
    if (unit === undefined) throw new Error('no such unit of sound');
    const end = at(map, 300);
    const pids = (await loadLoop('numbered')).pids;
    const sound = pids[unit.from];
    const kept = Array.from({ length: end }, (_, packet) => packet)
      .filter((packet) => packet < unit.from || packet >= unit.to || pids[packet] !== sound)
      .map((packet) => bytes.subarray(packet * PACKET, (packet + 1) * PACKET));
    const found = await judgedBytes('numbered', Buffer.concat(kept), [[0, end]]);
    expect(found.missing).toEqual([]);
    expect(found.tonesMissing.length + found.tonesUneven.length).toBeGreaterThan(0);
  });
});

describe('a viewer is owed', () => {
  /** Twelve pictures of two packets, with a keyframe every fourth; and sound of 40 ms after each. */
  const map: LoopMap = {
    packets: 36,
    pictures: Array.from({ length: 12 }, (_, number) => ({
      number,
      from: number * 3,
      to: number * 3 + 2,
      keyframe: number % 4 === 0,
    })),
    sounds: Array.from({ length: 12 }, (_, n) => ({
      from: n * 3 + 2,
      to: n * 3 + 3,
      fromMs: n * 40,
      toMs: n * 40 + 40,
    })),
  };
  const killed = { atMs: 100, atPacket: 18, readerDies: true, decoderBegins: false };
  const due = (sent: Stretch, shown: number[], fault = killed) =>
    owed(
      map,
      [
        { openedAt: 0, sent: [0, 18] },
        { openedAt: 200, sent },
      ],
      fault,
      new Set(shown),
    );

  it('all that is sent again, when it goes on where the viewer was, between keyframes too', () => {
    const { pictures, holes } = due([15, 36], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...pictures]).toEqual([5, 6, 7, 8, 9]);
    expect(holes).toEqual([]);
  });

  it('what comes from the next keyframe on, when something was never sent again', () => {
    const { pictures, sounds, holes } = due([19, 36], [0, 1, 2, 3, 4, 8, 9]);
    expect([...pictures]).toEqual([8, 9]);
    expect(sounds.map(({ fromMs }) => fromMs)).toEqual([320]);
    expect(holes).toEqual([{ fromMs: 200, toMs: 320 }]);
  });

  it('what a new FFmpeg can decode', () => {
    const { pictures, holes } = due([15, 36], [0, 1, 2, 3, 4, 8], { ...killed, decoderBegins: true });
    expect([...pictures]).toEqual([8, 9]);
    expect(holes).toEqual([{ fromMs: 200, toMs: 320 }]);
  });

  it('what a connection that broke had sent a moment before, while its reader lives', () => {
    const long = { atMs: 100, atPacket: 36, readerDies: false, decoderBegins: false };
    const { pictures } = owed(map, [{ openedAt: 0, sent: [0, 36] }], long, new Set([0]));
    expect([...pictures]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
