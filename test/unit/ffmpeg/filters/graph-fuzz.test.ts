/**
 * Our reading of a filter graph against FFmpeg's own, over seeded mutations: what we accept, FFmpeg reads the same way, as it was given
 * and as we write it. `STREAMPOOL_LONG=1` tries 100,000 of them.
 */
import { describe, expect, test } from 'vitest';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import {
  type FilterGraph,
  filtersOf,
  readFilterGraph,
  writeFilterGraph,
} from '../../../../services/proxy/src/ffmpeg/filters/filter-graph.ts';
import { FILTERS } from '../../../../services/proxy/src/ffmpeg/filters/filter-types.ts';
import { FFMPEGS } from '../../../support/newer-ffmpeg.ts';
import { pick, seeded, TEST_SEED } from '../../../support/seed.ts';
import { type GraphReading, readByFfmpeg } from './graph-oracle.ts';

const IS_LONG = process.env.STREAMPOOL_LONG === '1';
const INPUTS = IS_LONG ? 100_000 : 600;
const CHUNK = 2_000;

/** Graphs that both versions build: each has something of the grammar that the others have not. */
const SEEDS = [
  'scale=1280:720:flags=bicubic,fps=30000/1001,format=yuv420p',
  "scale=w='trunc(iw*min(1,720/ih)/2)*2':h='min(720,ih)',setsar=1",
  'scale=-2:min(720\\,ih):flags=lanczos+accurate_rnd',
  'yadif=1:deint=interlaced,setsar=sar=1/1',
  'bwdif=mode=send_field:parity=auto:deint=all,fps=fps=50',
  'split=2[a][b];[a]crop=iw/2:ih:0:0[c];[b][c]overlay=x=10:y=main_h-10',
  'split[a][b];[a]hflip[c];[b][c]hstack=inputs=2',
  "drawtext=text='it\\\\\\'s %{localtime\\\\:%H} o\\'clock':x=10:y=h-th-10:fontsize=24:fontcolor=white@0.5",
  'drawtext=text=a\\\\:b\\,c:x=1',
  'pad=iw+20:ih+20:10:10:color=black,drawbox=x=1:y=1:w=10:h=10:color=red@0.5:t=2',
  'eq=brightness=0.1:contrast=1.2:saturation=1.1,hue=h=10',
  "select='not(mod(n,2))',setpts=N/25/TB",
  'selectivecolor=absolute:reds=0 0 0 .1:blues=.1 0 0 0',
  'unsharp=5:5:0.5,hqdn3d=2,gblur=sigma=1.5:steps=2',
  'rotate=a=0.1:ow=iw:oh=ih:c=none,vignette=PI/4',
  'setdar=dar=16/9,setfield=tff,setrange=tv',
  'format=yuv420p|nv12,colorlevels=rimin=0.1:gimin=0.1',
  'fade=in:0:30,lutyuv=y=val*0.9',
  "tblend=all_mode=average,delogo=x=1:y=1:w=4:h=4:enable='between(t,1,2)'",
];

/** What attackers and accidents put between. */
const PIECES = [
  ...[
    '\\',
    "'",
    '\\\\',
    "\\'",
    "''",
    '[',
    ']',
    '[a]',
    '[in]',
    '[out]',
    ',',
    ':',
    ';',
    '=',
    '|',
    ' ',
    '\t',
    '%{',
    '}',
    '@',
    '@x',
    '/',
  ],
  ...[
    'movie=/etc/passwd',
    ',movie=/etc/passwd,',
    ';movie=x',
    ':textfile=/etc/passwd',
    'textfile=/etc/passwd',
    '/text=',
    'null',
  ],
  ...[
    '%{e:while(1,0)}',
    '1',
    '-',
    '0x10',
    '1e3',
    'while(1,0)',
    'iw',
    '(',
    ')',
    '+',
    ':x=1',
    ':1',
    'k',
    '.5',
    '10',
    'auto',
  ],
];

function mutate(graph: string, random: () => number): string {
  let text = graph;
  for (let count = Math.floor(random() * 4); count > 0; count -= 1) {
    const at = Math.floor(random() * (text.length + 1));
    const end = Math.min(text.length, at + Math.floor(random() * 12));
    const kind = random();
    if (kind < 0.4) text = text.slice(0, at) + pick(random, PIECES) + text.slice(at);
    else if (kind < 0.55) text = text.slice(0, at) + text.slice(at + 1);
    else if (kind < 0.7) text = `${text.slice(0, at)}'${text.slice(at, end)}'${text.slice(end)}`;
    else if (kind < 0.85) text = `${text.slice(0, at)}\\${text.slice(at)}`;
    else text = text.slice(0, at) + text.slice(at, end) + text.slice(at);
  }
  return text;
}

function ownReading(text: string): FilterGraph | undefined {
  try {
    return readFilterGraph(text, 'complex');
  } catch (error) {
    if (error instanceof StreampoolError && error.status === 422) return undefined;
    throw error;
  }
}

/** Why FFmpeg's reading is another one; undefined where it is ours, up to where FFmpeg refused the graph. */
function difference(own: FilterGraph, theirs: GraphReading): string | undefined {
  const nodes = filtersOf(own);
  const names = new Set(nodes.map(({ name }) => name));
  const stranger = [...theirs.filters].find((name) => name !== 'nullsrc' && !names.has(name));
  if (stranger !== undefined) return `FFmpeg made the filter ${stranger}`;
  const expected = nodes.flatMap(({ name, options }) => [...options].map(([key, value]) => ({ name, key, value })));
  for (const [index, [key, text]] of theirs.settings.entries()) {
    const ours = expected[index];
    const value = ours && FILTERS.get(ours.name)?.options.get(ours.key)?.read(text);
    if (ours === undefined || ours.key !== key || ours.value !== value) {
      return `FFmpeg set ${key} to '${text}', we ${JSON.stringify(ours)}`;
    }
  }
  return undefined;
}

describe.each(FFMPEGS)('%s', (_, ffmpeg) => {
  test('reads what we accept as we do', { timeout: IS_LONG ? 3_600_000 : 60_000 }, () => {
    const random = seeded(TEST_SEED);
    const tried = new Set<string>();
    let accepted = 0;
    let whole = 0;
    for (let done = 0; done < INPUTS; ) {
      const cases: { text: string; own: FilterGraph }[] = [];
      for (const end = Math.min(INPUTS, done + CHUNK); done < end; done += 1) {
        const text = mutate(pick(random, SEEDS), random);
        const own = tried.has(text) ? undefined : ownReading(text);
        tried.add(text);
        if (own !== undefined) cases.push({ text, own });
      }
      const graphs = cases.flatMap(({ text, own }) => [text, writeFilterGraph(own)]);
      const readings = readByFfmpeg(ffmpeg, graphs);
      for (const [index, { text, own }] of cases.entries()) {
        const [given, written] = [readings[2 * index], readings[2 * index + 1]];
        if (given === undefined || written === undefined) throw new Error(`no reading of ${text}`);
        expect({ text, difference: difference(own, given) }).toEqual({ text, difference: undefined });
        const anew = writeFilterGraph(own);
        expect({ anew, difference: difference(own, written) }).toEqual({ anew, difference: undefined });
        expect(writeFilterGraph(readFilterGraph(anew, 'complex'))).toBe(anew);
        const options = filtersOf(own).reduce((sum, node) => sum + node.options.size, 0);
        accepted += 1;
        if (given.settings.length === options && written.settings.length === options) whole += 1;
      }
    }
    if (IS_LONG) console.log(`seed ${TEST_SEED}: ${INPUTS} inputs, ${accepted} accepted, ${whole} read to their end`);
    // Else nothing was compared.
    expect({ seed: TEST_SEED, compared: whole > INPUTS / 20 }).toEqual({ seed: TEST_SEED, compared: true });
  });
});
