import { describe, expect, it } from 'vitest';
import { PacketAligner } from '../../../../services/proxy/src/upstream/direct/packet-aligner.ts';
import { finiteHead, headOfFirstByte, liveHead } from '../../../../services/proxy/src/upstream/direct/reply-head.ts';
import { BitrateMonitor } from '../../../../services/proxy/src/upstream/failover/bitrate-monitor.ts';
import {
  parseContentLength,
  parseContentRange,
  partOf,
  usableRange,
} from '../../../../services/proxy/src/upstream/messages/byte-range.ts';
import { FiniteTransfer } from '../../../../services/proxy/src/upstream/messages/finite-transfer.ts';
import { packetNumbers, packets } from '../support.ts';

it.each([
  ['bytes=0-', 'bytes=0-'],
  ['Bytes=5-9', 'bytes=5-9'],
  ['bytes=-500', 'bytes=-500'],
  ['bytes=0-1,5-6', undefined],
  ['bytes=-', undefined],
  ['items=0-1', undefined],
  [undefined, undefined],
])('usableRange %s: %s', (header, expected) => expect(usableRange(header)).toBe(expected));

it.each([
  ['bytes=0-9', { start: 0, end: 10 }],
  ['bytes=90-', { start: 90, end: 100 }],
  ['bytes=90-500', { start: 90, end: 100 }],
  ['bytes=-10', { start: 90, end: 100 }],
  ['bytes=-500', { start: 0, end: 100 }],
  ['bytes=-0', 'outside'],
  ['bytes=100-', 'outside'],
  ['bytes=9-5', 'outside'],
  ['bytes=0-1,5-6', undefined],
  [undefined, undefined],
])('partOf %s of 100 bytes: %s', (header, expected) => expect(partOf(header, 100)).toEqual(expected));

it('parseContentRange', () => {
  expect(parseContentRange('bytes 2-4/10')).toEqual({ start: 2, end: 4, total: 10 });
  expect(parseContentRange('bytes 2-4/*')).toEqual({ start: 2, end: 4, total: undefined });
  for (const bad of [undefined, '', 'bytes */10', 'bytes 4-2/10']) expect(parseContentRange(bad)).toBeUndefined();
});

describe('FiniteTransfer', () => {
  const whole = { status: 200, headers: { 'content-length': '100', etag: '"a"', 'last-modified': 'Mon' } };
  const rest = (headers: Record<string, string> = {}, status = 206) => ({
    status,
    headers: { 'content-range': 'bytes 40-99/100', etag: '"a"', ...headers },
  });

  it('resumes at the right byte with the strongest validator', () => {
    const transfer = new FiniteTransfer(whole);
    transfer.advance(40);
    expect(transfer.resume).toEqual({ range: 'bytes=40-99', ifRange: '"a"' });
    expect(transfer.continuesWith(rest())).toBe(true);
    expect(transfer.complete).toBe(false);
    transfer.advance(60);
    expect(transfer.complete).toBe(true);
    const weak = new FiniteTransfer({
      status: 200,
      headers: { 'content-length': '9', etag: 'W/"a"', 'last-modified': 'Mon' },
    });
    expect(weak.resume?.ifRange).toBe('Mon');
  });

  it("stays within the viewer's own range", () => {
    const part = new FiniteTransfer({
      status: 206,
      headers: { 'content-range': 'bytes 30-59/100', 'last-modified': 'Mon' },
    });
    part.advance(10);
    expect(part.resume).toEqual({ range: 'bytes=40-59', ifRange: 'Mon' });
    expect(part.continuesWith(rest())).toBe(false);
    expect(part.continuesWith(rest({ 'content-range': 'bytes 40-59/100' }))).toBe(true);
  });

  it.each([
    ['the whole file again', rest({}, 200)],
    ['another place', rest({ 'content-range': 'bytes 41-99/100' })],
    ['another size', rest({ 'content-range': 'bytes 40-99/101' })],
    ['another file', rest({ etag: '"b"' })],
    ['another date', rest({ 'last-modified': 'Tue' })],
    ['no place', { status: 206, headers: {} }],
  ])('does not go on with %s', (_what, answer) => {
    const transfer = new FiniteTransfer(whole);
    transfer.advance(40);
    expect(transfer.continuesWith(answer)).toBe(false);
  });

  it('does not resume what nothing identifies', () => {
    expect(new FiniteTransfer({ status: 200, headers: {} }).resume).toBeUndefined();
    expect(new FiniteTransfer({ status: 206, headers: { etag: '"a"' } }).resume).toBeUndefined();
  });
});

describe('PacketAligner', () => {
  it('gives whole packets only, whatever the pieces', () => {
    const bytes = packets(60);
    for (const size of [1, 7, 187, 188, 189, 1000, 20_000]) {
      const aligner = new PacketAligner();
      const out: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const piece = aligner.push(bytes.subarray(at, at + size));
        expect(piece.length % 188).toBe(0);
        out.push(piece);
      }
      expect(Buffer.concat(out).equals(bytes), `pieces of ${size}`).toBe(true);
    }
  });

  it('finds its way in from the middle, and past damage', () => {
    const out = new PacketAligner().push(
      Buffer.concat([Buffer.from('GaG'), packets(5).subarray(100), Buffer.from('ruGbbiGsh'), packets(5, 50)]),
    );
    expect(packetNumbers(out)).toEqual([1, 2, 3, 4, 50, 51, 52, 53, 54]);
  });
});

describe('BitrateMonitor', () => {
  const settings = {
    bitrateMonitoring: true,
    minBitrateBytesPerSecond: 1000,
    bitrateCheckIntervalMs: 100,
    bitrateFailoverThreshold: 2,
    bitrateGraceMs: 200,
  };
  const feed = (monitor: BitrateMonitor, bytes: number, waitedMs: number, times: number) =>
    Array.from({ length: times }, () => monitor.tooSlow(bytes, waitedMs)).indexOf(true);

  it('counts low measurements in a row after the grace', () => {
    expect(feed(new BitrateMonitor(settings), 10, 100, 10)).toBe(3);
    expect(feed(new BitrateMonitor(settings), 200, 100, 10)).toBe(-1);
    const unsteady = new BitrateMonitor(settings);
    feed(unsteady, 10, 100, 3);
    expect(unsteady.tooSlow(200, 100)).toBe(false);
    expect(unsteady.tooSlow(10, 100)).toBe(false);
    expect(feed(new BitrateMonitor({ ...settings, bitrateMonitoring: false }), 1, 100, 50)).toBe(-1);
  });

  it('says so as long as it lasts, and no longer', () => {
    const monitor = new BitrateMonitor(settings);
    expect(feed(monitor, 10, 100, 10)).toBe(3);
    expect(monitor.tooSlow(10, 50)).toBe(true);
    expect([200, 200].map((bytes) => monitor.tooSlow(bytes, 100))).toEqual([false, false]);
  });

  it('does not blame the source for a slow viewer', () => {
    expect(feed(new BitrateMonitor(settings), 10, 0, 1000)).toBe(-1);
  });
});

describe('heads', () => {
  it('are those of the provider for a file', () => {
    const upstream = {
      'content-length': '10',
      'content-range': 'bytes 0-9/20',
      'content-type': 'video/x-matroska',
      etag: '"e"',
    };
    expect(finiteHead(206, upstream, ['http://tv.test/a.mp4'])).toMatchObject({
      status: 206,
      headers: { ...upstream, 'accept-ranges': 'bytes', 'cache-control': expect.stringContaining('no-store') },
    });
    const unsaid = finiteHead(200, { 'content-length': '1' }, ['http://tv.test/a.mp4?x']).headers;
    expect(unsaid).toMatchObject({ 'content-type': 'video/mp4', 'content-length': '1' });
    expect(unsaid).not.toHaveProperty('accept-ranges');
    const first = headOfFirstByte({ 'content-range': 'bytes 0-0/77', 'content-length': '1' }, ['http://tv.test/a.mkv']);
    expect(first).toMatchObject({
      status: 200,
      headers: { 'content-length': '77', 'content-type': 'video/x-matroska' },
    });
    expect(first.headers).not.toHaveProperty('content-range');
  });

  it.each([
    ['says so', { 'accept-ranges': 'bytes' }, false, 'bytes'],
    ['says nothing', {}, false, undefined],
    ['words it oddly', { 'accept-ranges': '0-99' }, false, undefined],
    ['says that there are none', { 'accept-ranges': ' None ' }, false, 'none'],
    ['gave the whole for a part', {}, true, 'none'],
  ])('tell of ranges what is known of a provider that %s', (_name, upstream, noRanges, expected) => {
    const { headers } = finiteHead(200, upstream as Record<string, string>, ['http://tv.test/a.mkv'], noRanges);
    expect(headers['accept-ranges']).toBe(expected);
  });

  it.each([
    '9223372036854775807',
    '18446744073709551615',
    '2147483647',
    '4294967295',
    '999999999',
    '10000000000',
    '-1',
    '',
  ])('do not pass a length of %s on', (length) => {
    expect(parseContentLength(length)).toBeUndefined();
    const { headers } = finiteHead(200, { 'content-length': length }, ['http://tv.test/a.mkv']);
    expect(headers).not.toHaveProperty('content-length');
  });

  it('count the bytes of a part from its range', () => {
    const upstream = { 'content-range': 'bytes 10-19/100', 'content-length': '100' };
    expect(finiteHead(206, upstream, ['http://tv.test/a.mkv']).headers['content-length']).toBe('10');
  });

  it('have neither length nor ranges for live', () => {
    expect(liveHead('mpegts', ['http://tv.test/1'], 'text/html')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'video/mp2t', 'accept-ranges': 'none', 'access-control-allow-origin': '*' },
    });
    const named = liveHead('mpegts_by_name', ['http://tv.test/1']).headers;
    expect([named['content-type'], named['accept-ranges']]).toEqual(['video/mp2t', undefined]);
    expect(liveHead('other', ['http://tv.test/1'], 'video/x-flv').headers['content-type']).toBe('video/x-flv');
    expect(liveHead('other', ['http://tv.test/1'], 'text/plain').headers['content-type']).toBe(
      'application/octet-stream',
    );
  });
});
