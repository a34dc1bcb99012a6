// What the console says: texts from outside can do nothing, and every event is a sentence.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWanted, justAfter, withEvents } from '../../../services/console/src/live/event-list.ts';
import { GROUPS, questionOf, wantedOf } from '../../../services/console/src/shell/event-filter.ts';
import { en } from '../../../services/console/src/words/en.ts';
import { outputOf } from '../../../services/console/src/words/media.ts';
import { playerOf } from '../../../services/console/src/words/players.ts';
import { visible } from '../../../services/console/src/words/visible.ts';
import { EVENT_TYPES } from '../../../services/registry/events/event.ts';
import type { ShownEvent } from '../../../services/shared/console/live.ts';
import { duration } from '../../../services/shared/english/counting.ts';

function event(type: string, data: Record<string, unknown> = {}, id = '1000-1'): ShownEvent {
  return { event_id: id, event_type: type, stream_id: 's1', timestamp: '2026-11-29T16:00:00Z', late: false, data };
}

describe('a text from outside', () => {
  it('shows its control characters, and turns nothing round', () => {
    expect(visible('a\nb\u0000\u007f')).toBe('a␊b␀␡');
    expect(visible('abc\u202egpj.exe\u2066')).toBe('abc�gpj.exe�');
    expect(visible('قناة ١ <b>&amp;</b> 👩‍🚀')).toBe('قناة ١ <b>&amp;</b> 👩‍🚀');
    expect(visible('x'.repeat(5_000))).toHaveLength(301);
  });

  it('never has what cannot be seen, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f]/u);
        expect(visible(text).isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('an event', () => {
  it.each([
    [
      event('takeover', { name: 'BBC One', from: 'worker-3', to: 'worker-2', gap_ms: 31, clients_kept: 4 }),
      'worker-2 took BBC One over from worker-3: 31 ms without media, 4 viewers stayed',
    ],
    [
      event('handover', { name: 'News', from: 'worker-1', to: 'worker-2', took_ms: 408 }),
      'worker-1 handed News over to worker-2 in 408 ms',
    ],
    [
      event('worker_left', { worker_id: 'worker-3', reason: 'died', clients_lost: 1 }),
      'worker-3 died: 1 viewer lost their connection',
    ],
    [event('failover_triggered', { name: 'News', failover_index: 0, reason: '404' }), 'News went to backup 1: 404'],
    [event('failover_triggered', { name: 'News', failover_index: -1 }), 'News went to its primary source'],
    [
      event('client_disconnected', { name: 'News', ip_address: '192.0.2.1', seconds: 65, reason: 'left' }),
      '192.0.2.1 left News after 1 min',
    ],
    [event('stream_stopped', { name: 'News', reason: 'manual_deletion' }), 'News stopped: it was deleted'],
    [event('a_later_type'), 'A later type'],
  ])('is a sentence: %#', (told, sentence) => {
    expect(en.event(told)).toBe(sentence);
  });

  it.each(EVENT_TYPES)('%s has a sentence of its own, also without any data', (type) => {
    const sentence = en.event(event(type));
    // A type that it does not know is shown by its name.
    expect(`${sentence} `).not.toBe(en.event(event(`${type}_`)));
    expect(sentence).not.toMatch(/undefined|null|NaN|_/);
  });

  it.each(EVENT_TYPES)('%s shows nothing of its data that cannot be seen', (type) => {
    const data = new Proxy({}, { get: () => 'a\u202eb\n' });
    expect(en.event(event(type, data))).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  it.each(EVENT_TYPES)('%s is in a group that people can ask for', (type) => {
    expect(Object.values(GROUPS).flat()).toContain(type);
  });
});

describe('a list of events', () => {
  const [a, b, c] = [event('takeover', {}, '1000-1'), event('takeover', {}, '1000-10'), event('takeover', {}, '999-2')];

  it('has each once, the newest first, and no more than it may', () => {
    const ids = withEvents([a, c], [b, a], 10).map(({ event_id: id }) => id);
    expect(ids).toEqual(['1000-10', '1000-1', '999-2']);
    expect(withEvents([a, c], [b], 2)).toEqual([b, a]);
  });

  it('asks for one event by what stands right behind it', () => {
    expect(justAfter('1000-9')).toBe('1000-10');
    expect(justAfter('<b>')).toBeUndefined();
  });

  it('has those that the address asks for, as the worker answers them', () => {
    const wanted = wantedOf(new URLSearchParams('type=failures&worker_id=worker-1'));
    expect(isWanted(wanted, event('takeover', { from: 'worker-1' }))).toBe(true);
    expect(isWanted(wanted, event('takeover', { from: 'worker-2' }))).toBe(false);
    expect(isWanted(wanted, event('handover', { from: 'worker-1' }))).toBe(false);
    expect(isWanted(wantedOf(new URLSearchParams('stream_id=s2')), a)).toBe(false);
    expect(questionOf(wanted, 100, '5-1')).toMatch(
      /^\/events\?limit=100&type=stream_failed%2C.*&worker_id=worker-1&before=5-1$/,
    );
    expect(questionOf(wantedOf(new URLSearchParams()), 100, '')).toBe('/events?limit=100');
  });
});

describe('numbers and media', () => {
  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
    [-5, '0 s'],
  ])('%i ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('say what goes out as people call it', () => {
    const stream = { name: 'News', viewers: 1, sourceHost: 'a', backup: 0 };
    const made = {
      ...stream,
      profile: '720p',
      height: 720,
      width: 1280,
      frameRate: 50,
      codecs: 'avc1.64001f,mp4a.40.2',
    };
    expect(outputOf({ ...made, bitsPerSecond: 2_600_000 })).toBe('720p, 720p50 H.264 + AAC, 2.6 Mbit/s');
    expect(outputOf(stream)).toBe('as it comes');
  });
});

describe('a player', () => {
  it.each([
    ['VLC/3.0.21 LibVLC/3.0.21', 'VLC'],
    ['Lavf/61.7.100', 'FFmpeg'],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36', 'Chrome'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0', 'Edge'],
    ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15', 'Safari'],
    ['TiviMate/5.0.4 (Android 12)', 'TiviMate'],
    ['Box', 'Box'],
  ])('%s is %s', (agent, name) => {
    expect(playerOf(agent)).toBe(name);
  });

  it('that nobody knows is shown as it calls itself, harmless and short', () => {
    expect(playerOf(`a\nb${'x'.repeat(100)}`)).toBe(`a␊b${'x'.repeat(37)}…`);
  });
});
