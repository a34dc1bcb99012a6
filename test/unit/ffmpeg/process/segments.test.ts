/**
 * FFmpegs of one source put keyframes where its clock list has marks: one that began with the source, one that began later, and one
 * that went on where another was killed. Their segments begin with the same pictures.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { buildArguments } from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { CutReader } from '../../../support/feed-cuts.ts';
import type { LoopName } from '../../../support/fixtures.ts';
import { type FeedEntry, type MarkedFeed, markedFeed, markedLoop, SECOND } from '../../../support/segmented.ts';
import { packetsOf, synthetic, transform, Workspace } from '../fixture.ts';

const SECONDS = 14;
const T = 2;
const FAST = '-i {input_url} -c:v libx264 -preset ultrafast -sc_threshold 0 -an';
const workspace = new Workspace();
afterAll(() => workspace.dispose());

interface Picture {
  readonly pts: number;
  readonly key: boolean;
}

const loop = (name: LoopName) => () => markedLoop(name, { seconds: SECONDS, list: 'clock' });

/** No pictures from 5.1 to 8.9 s. */
async function pausing(): Promise<MarkedFeed> {
  const path = workspace.make('pausing.ts', [
    ...synthetic({ seconds: SECONDS, size: '160x90' }),
    ...[
      '-vf',
      "select='not(between(t,5.1,8.9))'",
      '-fps_mode',
      'passthrough',
      '-c:v',
      'libx264',
      '-bf',
      '0',
      '-g',
      '25',
    ],
    ...['-sc_threshold', '0', '-c:a', 'aac'],
  ]);
  return markedFeed([{ bytes: await readFile(path), ms: 0 }], { list: 'clock' });
}

let runs = 0;
async function encode(source: MarkedFeed, profile: string, entry: FeedEntry, resumePts?: number): Promise<Picture[]> {
  const resolved = resolveProfile({ profile, variables: {}, inputUrl: 'http://source.invalid/1' }, NO_HARDWARE);
  const args = buildArguments(
    resolved,
    { kind: 'pipe' },
    {
      firstVideoSeconds: entry.pts / SECOND,
      keyframeIntervalSeconds: T,
      ...(resumePts === undefined ? {} : { resume: { videoSeconds: resumePts / SECOND } }),
    },
  );
  const { output, stderr } = await transform(args, Buffer.concat([entry.prefix, source.bytes.subarray(entry.at)]));
  const pictures = packetsOf(workspace.write(`${runs++}.ts`, output), 'v');
  if (pictures.length === 0) throw new Error(stderr);
  return pictures;
}

function segmentsOf(source: MarkedFeed, pictures: readonly Picture[]): CutReader {
  const reader = new CutReader();
  for (const { mark } of source.marks) reader.mark(mark, 0, mark.pts);
  for (const { pts, key } of pictures) reader.picture(pts, key);
  return reader;
}

describe('encoders of one source', () => {
  it.each<[string, () => Promise<MarkedFeed>, string]>([
    ['29.97 pictures a second, made into 25', loop('fps-29.97'), `${FAST} -r 25`],
    ['50 pictures a second, made into 25', loop('fps-50'), `${FAST} -r 25`],
    ['50 fields a second, deinterlaced', loop('interlaced-h264'), `${FAST} -vf yadif=1`],
    ['a keyframe each 10 s', loop('gop10'), FAST],
    ['pictures that pause across two marks', pausing, FAST],
    ['detected changes of scene and few keyframes', loop('plain'), `${FAST} -sc_threshold 40 -keyint_min 100 -g 250`],
  ])('with %s begin the same segments', async (_, make, profile) => {
    const source = await make();
    const first = source.entries[0] as FeedEntry;
    const late = source.entries.find(({ pts }) => pts > first.pts + 3 * SECOND);
    const whole = await encode(source, profile, first);
    const before = whole.findIndex(({ pts }) => pts > first.pts + 4.7 * SECOND);
    const resumePts = (whole[before] as Picture).pts;
    const entry = source.entries.findLast(({ pts }) => pts < resumePts - 0.3 * SECOND) as FeedEntry;
    const resumed = await encode(source, profile, entry, resumePts);
    const goesOn = resumed.findIndex(({ pts }) => pts >= resumePts);
    expect(resumed[goesOn]?.pts).toBe(resumePts);

    const expected = segmentsOf(source, whole);
    expect(expected.faults).toEqual([]);
    // It has one for each mark: all of them are here, but for the last, whose pictures may not be.
    const numbers = source.marks.map(({ mark: { n } }) => n);
    expect(expected.begins.map(({ n }) => n)).toEqual(numbers.slice(numbers.indexOf(expected.begins[0]?.n ?? 0)));
    expect(expected.begins.length).toBeGreaterThan(3);

    const onward = segmentsOf(source, [...whole.slice(0, before), ...resumed.slice(goesOn)]);
    expect({ begins: onward.begins, faults: onward.faults }).toEqual({ begins: expected.begins, faults: [] });
    if (late === undefined) return;
    const later = segmentsOf(source, await encode(source, profile, late));
    expect(later.faults).toEqual([]);
    expect(later.begins).toEqual(expected.begins.filter(({ n }) => n >= (later.begins[0]?.n ?? 0)));
    expect(later.begins.length).toBeGreaterThan(1);
  });
});
