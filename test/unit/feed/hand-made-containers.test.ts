/** FLV, Ogg and program streams made by hand, with what FFmpeg writes rarely: where they are cut, and where a viewer can start. */
import { describe, expect, it } from 'vitest';
import {
  ContainerError,
  createFragmenter,
  type OpaqueContainer,
} from '../../../services/proxy/src/feed/containers/index.ts';

interface Piece {
  readonly kind: 'init' | 'entry' | 'rest';
  readonly bytes: Buffer;
  readonly seconds?: number | undefined;
}

/** Cuts what is given, in chunks of `most` bytes. */
function cut(container: OpaqueContainer, bytes: Buffer, most = bytes.length): Piece[] {
  const pieces: Piece[] = [];
  const fragmenter = createFragmenter(container, {
    init: (init) => pieces.push({ kind: 'init', bytes: init }),
    fragment: (parts, randomAccess, seconds) =>
      pieces.push({ kind: randomAccess ? 'entry' : 'rest', bytes: Buffer.concat(parts), seconds }),
  });
  for (let at = 0; at < bytes.length; at += most) fragmenter.push(bytes.subarray(at, at + most));
  fragmenter.end();
  return pieces;
}

const kinds = (pieces: readonly Piece[]) => pieces.map(({ kind }) => kind).join(' ');

describe('FLV', () => {
  const HEAD = Buffer.from([...Buffer.from('FLV'), 1, 5, 0, 0, 0, 9, 0, 0, 0, 0]);
  const tag = (type: number, timeMs: number, content: number[]): Buffer => {
    const header = Buffer.alloc(11);
    header.writeUInt8(type, 0);
    header.writeUIntBE(content.length, 1, 3);
    header.writeUIntBE(timeMs & 0xffffff, 4, 3);
    header.writeUInt8(timeMs >>> 24, 7);
    const back = Buffer.alloc(4);
    back.writeUInt32BE(11 + content.length, 0);
    return Buffer.concat([header, Buffer.from(content), back]);
  };
  const avc = (timeMs: number, keyframe: boolean, packet = 1) =>
    tag(9, timeMs, [keyframe ? 0x17 : 0x27, packet, 0, 0, 0, 9]);
  const aac = (timeMs: number, packet = 1) => tag(8, timeMs, [0xaf, packet, 7]);
  const script = tag(18, 0, [2, 0, 1, 65]);
  const start = [HEAD, script, avc(0, true, 0), aac(0, 0)];

  it('has its configurations in the initialisation, and an entry at each keyframe', () => {
    const media = [avc(0, true), aac(10), avc(40, false), avc(1000, true), aac(1010)];
    const pieces = cut('flv', Buffer.concat([...start, ...media]));
    expect(kinds(pieces)).toBe('init entry entry');
    expect(pieces[0]?.bytes).toEqual(Buffer.concat(start));
    expect(pieces[1]?.bytes).toEqual(Buffer.concat(media.slice(0, 3)));
    expect(pieces.map(({ seconds }) => seconds)).toEqual([undefined, 0, 1]);
  });

  it('is cut the same way byte by byte', () => {
    const bytes = Buffer.concat([...start, avc(0, true), aac(10), avc(200, false), avc(400, true)]);
    expect(cut('flv', bytes, 1)).toEqual(cut('flv', bytes));
  });

  it('gives those who are there a new configuration in its place, and joiners in the initialisation', () => {
    const renewed = tag(9, 500, [0x17, 0, 0, 0, 0, 1]);
    const sound = aac(500, 0);
    const bytes = Buffer.concat([...start, avc(0, true), renewed, sound, avc(500, true), avc(540, false)]);
    const pieces = cut('flv', bytes);
    const [first, ...rest] = pieces.filter(({ kind }) => kind === 'init').map((piece) => piece.bytes);
    expect(first).toEqual(Buffer.concat(start));
    expect(rest.at(-1)).toEqual(Buffer.concat([HEAD, script, renewed, sound]));
    const sent = pieces.filter(({ kind }) => kind !== 'init').map((piece) => piece.bytes);
    expect(Buffer.concat([...start, ...sent])).toEqual(bytes);
    const at = pieces.findIndex((piece) => piece.kind === 'entry' && piece.seconds === 0.5);
    expect(pieces.slice(0, at).findLast(({ kind }) => kind === 'init')?.bytes).toEqual(rest.at(-1));
  });

  it('does not take the end of a sequence for a keyframe', () => {
    const bytes = Buffer.concat([...start, avc(0, true), avc(500, true, 2)]);
    expect(kinds(cut('flv', bytes))).toBe('init entry rest');
  });

  it('knows HEVC of Enhanced RTMP', () => {
    const hevc = (timeMs: number, first: number) => tag(9, timeMs, [first, ...Buffer.from('hvc1'), 1]);
    const bytes = Buffer.concat([HEAD, hevc(0, 0x90), hevc(0, 0x91), hevc(40, 0xa1), hevc(200, 0x93)]);
    const pieces = cut('flv', bytes);
    expect(kinds(pieces)).toBe('init entry entry');
    expect(pieces[0]?.bytes).toEqual(Buffer.concat([HEAD, hevc(0, 0x90)]));
  });

  it('has entries everywhere without pictures, and times beyond 24 bits', () => {
    const head = Buffer.from(HEAD);
    head.writeUInt8(4, 4);
    const late = 0x0100_0000 + 5;
    const pieces = cut('flv', Buffer.concat([head, aac(0, 0), aac(late), aac(late + 100), aac(late + 200)]));
    expect(kinds(pieces)).toBe('init entry entry entry');
    expect(pieces[1]?.seconds).toBeCloseTo(late / 1000, 6);
  });
});

describe('Ogg', () => {
  const page = (serial: number, flags: number, granule: bigint, packets: Buffer[], goesOn = false): Buffer => {
    const lacing = packets.flatMap((packet, index) => {
      const full = Array<number>(Math.floor(packet.length / 255)).fill(255);
      return goesOn && index === packets.length - 1 ? full : [...full, packet.length % 255];
    });
    const header = Buffer.alloc(27);
    header.write('OggS', 0);
    header.writeUInt8(flags, 5);
    header.writeBigInt64LE(granule, 6);
    header.writeUInt32LE(serial, 14);
    header.writeUInt8(lacing.length, 26);
    return Buffer.concat([header, Buffer.from(lacing), ...packets]);
  };
  const theora = (() => {
    const header = Buffer.alloc(42);
    header.write('\x80theora\x03\x02\x01', 0, 'latin1');
    header.writeUInt32BE(25, 22);
    header.writeUInt32BE(1, 26);
    header.writeUInt16BE(6 << 5, 40);
    return header;
  })();
  const opus = Buffer.concat([Buffer.from('OpusHead'), Buffer.from([1, 2, 0x38, 0x01, 0, 0, 0, 0, 0, 0, 0])]);
  const intra = Buffer.from([0x20, 1, 2]);
  const inter = Buffer.from([0x60, 1, 2]);
  const long = Buffer.alloc(510, 1);
  const heads = [
    page(1, 2, 0n, [theora]),
    page(2, 2, 0n, [opus]),
    // The comment and the set-up span two pages, the first of which ends no packet.
    page(1, 0, -1n, [Buffer.concat([Buffer.from('\x81theora', 'latin1'), Buffer.alloc(248, 1)])], true),
    page(1, 1, 0n, [Buffer.from('rest'), Buffer.from('\x82theora', 'latin1')]),
    page(2, 0, 0n, [Buffer.from('OpusTags')]),
  ];

  it('has every header in the initialisation, and an entry at each page that begins with a keyframe', () => {
    const media = [
      page(1, 0, 1n << 6n, [intra]),
      page(2, 0, 9912n, [Buffer.from([1])]),
      page(1, 0, (1n << 6n) + 1n, [inter]),
      page(1, 0, (1n << 6n) + 1n, [Buffer.alloc(0)]),
      page(1, 0, 26n << 6n, [intra, inter]),
      page(1, 1, 51n << 6n, [intra]),
    ];
    const pieces = cut('ogg', Buffer.concat([...heads, ...media]));
    expect(kinds(pieces)).toBe('init entry rest rest rest entry rest');
    expect(pieces[0]?.bytes).toEqual(Buffer.concat(heads));
    expect(pieces[1]).toMatchObject({ bytes: media[0], seconds: 0 });
    // It begins where the page before it ended: after two pictures.
    expect(pieces[5]?.seconds).toBeCloseTo(2 / 25, 6);
    expect(cut('ogg', Buffer.concat([...heads, ...media]), 7)).toEqual(pieces);
  });

  it('has entries at every page that begins a packet, without pictures', () => {
    const sound = [
      heads[1],
      heads[4],
      page(2, 0, 48_312n, [Buffer.from([1])]),
      page(2, 0, -1n, [long], true),
      page(2, 1, 96_312n, [long]),
    ];
    const pieces = cut('ogg', Buffer.concat(sound as Buffer[]));
    expect(kinds(pieces)).toBe('init entry entry rest');
    expect(pieces.slice(1).map(({ seconds }) => seconds)).toEqual([0, 1, 1]);
  });

  it('refuses what nobody could join: a second header, a track without one, a codec it does not know', () => {
    const all = Buffer.concat(heads);
    const media = page(1, 0, 1n << 6n, [intra]);
    expect(() => cut('ogg', Buffer.concat([all, media, heads[0] as Buffer]))).toThrow(/second header/);
    expect(() => cut('ogg', Buffer.concat([all, page(9, 0, 1n, [intra])]))).toThrow(/no header/);
    expect(() => cut('ogg', page(1, 2, 0n, [Buffer.from('Speex   ')]))).toThrow(/unknown kind/);
    expect(() => cut('ogg', page(1, 2, 0n, [Buffer.from('\x80theora', 'latin1')]))).toThrow(ContainerError);
  });
});

describe('a program stream', () => {
  /** @param seconds of the clock reference; MPEG-2, 2.5.3.3 */
  const pack = (seconds: number): Buffer => {
    const base = BigInt(Math.round(seconds * 90_000));
    const bits =
      (1n << 62n) |
      ((base >> 30n) << 59n) |
      (1n << 58n) |
      (((base >> 15n) & 0x7fffn) << 43n) |
      (1n << 42n) |
      ((base & 0x7fffn) << 27n) |
      (1n << 26n) |
      (1n << 16n);
    const clock = Buffer.alloc(8);
    clock.writeBigUInt64BE(bits);
    return Buffer.concat([Buffer.from([0, 0, 1, 0xba]), clock.subarray(0, 6), Buffer.from([0, 0x27, 0x13, 0xf8])]);
  };
  const packet = (id: number, fields: number[], content: number[]): Buffer => {
    const length = fields.length + content.length;
    return Buffer.from([0, 0, 1, id, length >> 8, length & 0xff, ...fields, ...content]);
  };
  const PTS = [0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
  const BARE = [0x80, 0, 0];
  const SEQUENCE = [0, 0, 1, 0xb3, 9, 9];
  const PICTURE = [0, 0, 1, 0, 7, 7];
  const sound = packet(0xc0, BARE, [1, 2, 3]);

  it('has an entry at each sequence header, with the header of a pack before it', () => {
    const first = [pack(0), packet(0xe0, PTS, [...SEQUENCE, ...PICTURE]), sound];
    const second = [pack(0.5), packet(0xe0, PTS, [...PICTURE]), pack(0.52), sound];
    const third = [pack(1), packet(0xe0, PTS, [...SEQUENCE, ...PICTURE])];
    const all = Buffer.concat([...first, ...second, ...third]);
    const pieces = cut('mpeg', all);
    expect(kinds(pieces)).toBe('init entry rest entry');
    expect(pieces.slice(1).map((piece) => piece.bytes)).toEqual(
      [first, second, third].map((part) => Buffer.concat(part)),
    );
    expect(pieces.slice(1).map(({ seconds }) => seconds)).toEqual([0, 0.5, 1]);
    expect(cut('mpeg', all, 3)).toEqual(pieces);
  });

  it('divides a packet in which a sequence header stands; the times go with the first picture that begins in it', () => {
    const begin = [pack(0), packet(0xe0, PTS, [...SEQUENCE, ...PICTURE])];
    const tail = [5, 5, 5];
    const head = pack(1);
    const given = Buffer.concat([...begin, head, packet(0xe0, PTS, [...tail, ...SEQUENCE, ...PICTURE])]);
    const pieces = cut('mpeg', given);
    expect(kinds(pieces)).toBe('init entry rest entry');
    expect(pieces[2]?.bytes).toEqual(Buffer.concat([head, packet(0xe0, BARE, tail)]));
    expect(pieces[3]?.bytes).toEqual(Buffer.concat([head, packet(0xe0, PTS, [...SEQUENCE, ...PICTURE])]));
    const other = Buffer.concat([...begin, head, packet(0xe0, PTS, [...PICTURE, ...SEQUENCE, ...PICTURE])]);
    expect(
      cut('mpeg', other)
        .slice(2)
        .map((piece) => piece.bytes),
    ).toEqual([
      Buffer.concat([head, packet(0xe0, PTS, PICTURE)]),
      Buffer.concat([head, packet(0xe0, BARE, [...SEQUENCE, ...PICTURE])]),
    ]);
  });

  it('reads MPEG-1, with its stuffing and its buffer sizes', () => {
    const head = Buffer.from([0, 0, 1, 0xba, 0x21, 0, 1, 0, 1, 0x80, 0, 1]);
    const fields = [0xff, 0xff, 0x60, 0x2e, 0x21, 0, 1, 0, 1];
    const begin = [head, packet(0xe0, fields, [...SEQUENCE, ...PICTURE])];
    const given = Buffer.concat([...begin, packet(0xe0, fields, [5, ...SEQUENCE])]);
    const pieces = cut('mpeg', given);
    expect(kinds(pieces)).toBe('init entry entry');
    expect(pieces[1]?.bytes).toEqual(Buffer.concat([...begin, packet(0xe0, [0x0f], [5])]));
    expect(pieces[2]?.bytes).toEqual(Buffer.concat([head, packet(0xe0, fields, SEQUENCE)]));
  });

  it('leaves out the mark of its end, and has entries everywhere without pictures', () => {
    const given = Buffer.concat([pack(0), sound, pack(0.2), sound, Buffer.from([0, 0, 1, 0xb9]), Buffer.alloc(2)]);
    const pieces = cut('mpeg', given.subarray(0, -2));
    expect(kinds(pieces)).toBe('init entry entry');
    expect(pieces[2]?.bytes).toEqual(Buffer.concat([pack(0.2), sound]));
  });

  it('refuses pictures that it cannot look into, and says what to do', () => {
    const h264 = packet(0xe2, PTS, [0, 0, 0, 1, 0x67, 1]);
    expect(() => cut('mpeg', Buffer.concat([pack(0), h264]))).toThrow(/-c:v mpeg2video/);
  });
});
