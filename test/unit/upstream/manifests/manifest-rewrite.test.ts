/** Every address of a manifest is replaced, whatever level it stands on, and nothing that leads around the proxy stays. */

import { describe, expect, it } from 'vitest';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import {
  type ManifestEntry,
  type RewrittenManifest,
  rewriteManifest,
} from '../../../../services/proxy/src/upstream/manifests/manifest-rewrite.ts';

const BASE = 'http://tv.example/live/index.mpd?token=1';
const MPD = 'xmlns="urn:mpeg:dash:schema:mpd:2011"';

interface Rewritten extends RewrittenManifest {
  readonly entries: readonly ManifestEntry[];
  /** The addresses that are sealed, as templates. */
  readonly urls: readonly string[];
}

function rewritten(text: string, baseUrl = BASE): Rewritten {
  const entries: ManifestEntry[] = [];
  const result = rewriteManifest(text, {
    baseUrl,
    location: '../s/manifest.mpd',
    time: '../s/time',
    replace: (entry) => `../s/${entries.push(entry)}`,
  });
  return { ...result, entries, urls: entries.map(({ template }) => template) };
}

const mpd = (inside: string, attributes = 'type="static"') =>
  `<?xml version="1.0"?><MPD ${MPD} ${attributes}>${inside}</MPD>`;
const set = (inside: string, attributes = 'mimeType="video/mp4"') =>
  mpd(`<Period><AdaptationSet ${attributes}>${inside}</AdaptationSet></Period>`);

function refusal(text: string): string {
  try {
    rewritten(text);
  } catch (error) {
    if (error instanceof SourceError && error.reason === 'not_media') return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('a template', () => {
  it('is written into each representation, with its id and bandwidth', () => {
    const { text, urls } = rewritten(
      set(
        '<SegmentTemplate timescale="90000" media="$RepresentationID$/$Bandwidth%08d$-$Number%05d$.m4s" initialization="$RepresentationID$/init.mp4" startNumber="7"><SegmentTimeline><S t="0" d="2" r="3"/></SegmentTimeline></SegmentTemplate>' +
          '<Representation id="hd" bandwidth="5000"/><Representation id="sd" bandwidth="900"/>',
      ),
    );
    expect(urls).toEqual([
      'http://tv.example/live/hd/00005000-$Number%05d$.m4s',
      'http://tv.example/live/hd/init.mp4',
      'http://tv.example/live/sd/00000900-$Number%05d$.m4s',
      'http://tv.example/live/sd/init.mp4',
    ]);
    expect(text).toContain('<SegmentTemplate timescale="90000" startNumber="7"><SegmentTimeline>');
    expect(text).toContain(
      '<Representation id="hd" bandwidth="5000"><SegmentTemplate media="../s/1" initialization="../s/2"/></Representation>',
    );
  });

  it('is that of the nearest element, attribute by attribute, below the nearest BaseURL', () => {
    const { text, urls } = rewritten(
      mpd(
        '<BaseURL>http://cdn.example/a/</BaseURL><Period><BaseURL>p1/</BaseURL><SegmentTemplate initialization="i.mp4" media="never"/>' +
          '<AdaptationSet><SegmentTemplate media="v$Time$.m4s"/><Representation id="1"><BaseURL>one/</BaseURL></Representation>' +
          '<Representation id="2"><BaseURL>/two/</BaseURL><SegmentTemplate media="$Time$.webm"/></Representation></AdaptationSet></Period>',
      ),
    );
    expect(urls).toEqual([
      'http://cdn.example/a/p1/one/v$Time$.m4s',
      'http://cdn.example/a/p1/one/i.mp4',
      'http://cdn.example/two/$Time$.webm',
      'http://cdn.example/two/i.mp4',
    ]);
    expect(text).not.toContain('BaseURL');
    expect(text).not.toContain('never');
  });
});

describe('a list and a file', () => {
  it('have each address replaced, a dollar sign in it doubled', () => {
    const { text, urls } = rewritten(
      set(
        '<Representation id="1"><SegmentList duration="2"><Initialization sourceURL="i.mp4"/><SegmentURL media="a$1.m4s" index="a.idx"/><SegmentURL media="https://other.example/b.m4s?x=1&amp;y=2"/></SegmentList></Representation>',
      ),
    );
    expect(urls).toEqual([
      'http://tv.example/live/i.mp4',
      'http://tv.example/live/a$$1.m4s',
      'http://tv.example/live/a.idx',
      'https://other.example/b.m4s?x=1&y=2',
    ]);
    expect(text).toContain('<SegmentURL media="../s/2" index="../s/3"/>');
    // FFmpeg has room for addresses of the length of BaseURL. It is in the folder in which all are.
    expect(text).toContain('<BaseURL>../s/2</BaseURL><SegmentList');
  });

  it('may be one file with ranges', () => {
    const { text, entries } = rewritten(
      set(
        '<Representation id="1"><BaseURL serviceLocation="a">movie.mp4</BaseURL><BaseURL>http://b.example/movie.mp4</BaseURL><SegmentBase indexRange="800-999"><Initialization range="0-799"/></SegmentBase></Representation>',
      ),
    );
    expect(entries).toEqual([{ template: 'http://tv.example/live/movie.mp4', extension: 'm4s' }]);
    expect(text).toContain(
      '<Representation id="1"><BaseURL>../s/1</BaseURL><SegmentBase indexRange="800-999"><Initialization range="0-799"/></SegmentBase>',
    );
  });

  it('are named after what they hold', () => {
    const one = (url: string, type: string) =>
      rewritten(
        set(`<Representation id="1"><BaseURL>${url}</BaseURL></Representation>`, `mimeType="${type}"`),
      ).entries.map(({ extension }) => extension);
    expect(one('a.webm', 'video/webm')).toEqual(['webm']);
    expect(one('text/1', 'application/ttml+xml')).toEqual(['ttml']);
    expect(one('subs.vtt', 'text/vtt')).toEqual(['vtt']);
    expect(one('1', 'audio/mp4')).toEqual(['m4s']);
    expect(one('t.jpeg', 'image/jpeg')).toEqual(['jpg']);
  });
});

describe('a live manifest', () => {
  const live = (inside: string) => mpd(`${inside}<Period><AdaptationSet/></Period>`, 'type="dynamic"');

  it('is loaded anew from the worker, and by the worker from where its source says', () => {
    const { text, location } = rewritten(
      live('<Location>../eu/index.mpd?t=2</Location><Location>http://x/</Location>'),
    );
    expect(location).toBe('http://tv.example/eu/index.mpd?t=2');
    expect(text.match(/<Location>.*?<\/Location>/g)).toEqual(['<Location>../s/manifest.mpd</Location>']);
    expect(rewritten(live('')).location).toBeUndefined();
  });

  it('names no patches, no steering and nobody who counts', () => {
    const { text } = rewritten(
      live(
        '<PatchLocation ttl="60">http://tv.example/patch</PatchLocation><ContentSteering>http://tv.example/s</ContentSteering><Metrics metrics="x"><Reporting schemeIdUri="urn:dvb:dash:reporting:2014" reportingUrl="http://tv.example/r"/></Metrics><ProgramInformation moreInformationURL="http://tv.example/m"/>',
      ),
    );
    expect(text).not.toContain('tv.example');
    expect(text).not.toMatch(/Patch|Steering|Metrics/);
  });

  it.each([
    ['urn:mpeg:dash:utc:http-iso:2014', 'now', { how: 'text', value: 'http://tv.example/live/now' }],
    [
      'urn:mpeg:dash:utc:http-xsdate:2014',
      'http://t.example/ http://u.example/',
      { how: 'text', value: 'http://t.example/' },
    ],
    ['urn:mpeg:dash:utc:http-head:2014', 'http://t.example/', { how: 'head', value: 'http://t.example/' }],
    ['urn:mpeg:dash:utc:direct:2014', '2026-01-02T03:04:05Z', { how: 'said', value: '2026-01-02T03:04:05Z' }],
  ])('has the time of its source from the worker: %s', (scheme, value, clock) => {
    const read = rewritten(live(`<UTCTiming schemeIdUri="${scheme}" value="${value}"/>`));
    expect(read.clock).toEqual(clock);
    expect(read.text).toContain('<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="../s/time"/>');
  });

  it('keeps a clock that is not asked by HTTP, and has one of the others', () => {
    const ntp = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:ntp:2014" value="pool.ntp.org"/>';
    const http = (at: string) => `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${at}"/>`;
    const { text, clock } = rewritten(live(ntp + http('http://one.example/') + http('http://two.example/')));
    expect(text).toContain(ntp);
    expect(text.match(/<UTCTiming/g)).toHaveLength(2);
    expect(clock?.value).toBe('http://one.example/');
    const ntpHttp = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-ntp:2014" value="http://tv.example/ntp"/>';
    expect(rewritten(live(ntpHttp)).text).not.toContain('UTCTiming');
  });
});

describe('what a manifest keeps', () => {
  it('is all else, in its order, with its namespaces', () => {
    const inside =
      '<m:Period id="p &amp; q"><m:EventStream schemeIdUri="urn:x"><m:Event>a &lt; b</m:Event></m:EventStream><m:AdaptationSet><m:ContentProtection schemeIdUri="urn:uuid:1" c:default_KID="2"><c:pssh>AAAA</c:pssh></m:ContentProtection></m:AdaptationSet></m:Period>';
    const attributes = 'xmlns:m="urn:mpeg:dash:schema:mpd:2011" xmlns:c="urn:mpeg:cenc:2013" type="dynamic"';
    const { text } = rewritten(`\uFEFF<?xml version="1.0"?><!-- c --><m:MPD ${attributes}>${inside}</m:MPD>`);
    expect(text).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<m:MPD ${attributes}><m:Location>../s/manifest.mpd</m:Location>${inside}</m:MPD>`,
    );
  });

  it('is no remote element: a player would fetch that around the worker', () => {
    const remote = '<Period xmlns:x="http://www.w3.org/1999/xlink" x:href="http://ads.example/p"/>';
    const { text } = rewritten(mpd(`${remote}<Period id="1"/>`));
    expect(text).toContain('<Period id="1"/>');
    expect(text).not.toContain('ads.example');
    expect(refusal(mpd(remote))).toContain('has no period');
  });
});

describe('a hostile manifest', () => {
  it.each([
    [
      'entities',
      '<!DOCTYPE MPD [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><MPD><Period>&b;</Period></MPD>',
      'document type',
    ],
    ['an entity of its own', mpd('<Period>&xxe;</Period>'), 'undefined entity'],
    ['depth', mpd('<Period>'.repeat(40) + '</Period>'.repeat(40)), 'deeper than 32'],
    ['width', mpd(`<Period>${'<S/>'.repeat(300_001)}</Period>`), 'more than 300000 elements'],
    ['representations', set('<Representation/>'.repeat(501)), 'more than 500'],
    ['what is not well-formed', '<MPD><Period></MPD>', 'no well-formed XML'],
    ['another document', '<svg xmlns="http://www.w3.org/2000/svg"><Period/></svg>', 'is no MPD'],
    ['nothing', '', 'no well-formed XML'],
  ])('is refused: %s', (_name, text, why) => {
    expect(refusal(text)).toContain(why);
  });

  it('gets no address past the worker: what is no HTTP is sealed too, and refused when a player asks for it', () => {
    const { text, urls } = rewritten(
      set(
        '<BaseURL>javascript:alert(1)</BaseURL><Representation id="1"><SegmentList><Initialization sourceURL="file:///etc/passwd"/><SegmentURL media="x.m4s"/></SegmentList></Representation>' +
          '<Representation id="2"><SegmentTemplate media="gopher://h/$Number$"/><SegmentTemplate media="http://tv.example/second"/></Representation>' +
          '<Representation id="3"><SegmentBase/><SegmentTemplate media="http://tv.example/third"/></Representation>',
      ),
    );
    expect(text).not.toMatch(/javascript|passwd|gopher|tv\.example/);
    expect(urls.filter((url) => /^https?:/.test(url))).toEqual(['http://tv.example/third']);
  });
});
