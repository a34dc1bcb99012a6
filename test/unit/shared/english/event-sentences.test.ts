/** What events tell, for the console and the command alike. */

import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../../../services/registry/events/event.ts';
import { eventSentences } from '../../../../services/shared/english/event-sentences.ts';

const sentenceOf = eventSentences({ count: String, shown: String });

describe('an event', () => {
  it('of each type that there is has a sentence', () => {
    for (const event_type of EVENT_TYPES) {
      expect(sentenceOf({ event_type, data: {} })).not.toBe(event_type.replaceAll('_', ' '));
    }
    expect(sentenceOf({ event_type: 'of_a_later_version', data: {} })).toBe('of a later version');
  });

  it.each([
    [
      'takeover',
      { name: 'BBC One', from: 'w3', to: 'w2', gap_ms: 31, clients_kept: 4 },
      'w2 took BBC One over from w3: 31 ms without media, 4 viewers stayed',
    ],
    ['takeover', { name: 'BBC One', from: 'w3', to: 'w2' }, 'w2 took BBC One over from w3'],
    [
      'handover',
      { name: 'BBC One', from: 'w3', to: 'w2', took_ms: 19, clients_kept: 1 },
      'w3 handed BBC One over to w2 in 19 ms, 1 viewer stayed',
    ],
    [
      'handover',
      { name: 'BBC One', from: 'w3', to: 'w2', clients_kept: 1 },
      'w3 handed BBC One over to w2, 1 viewer stayed',
    ],
    ['worker_left', { worker_id: 'w3', reason: 'died', clients_lost: 2 }, 'w3 died: 2 viewers lost their connection'],
    ['source_back', { source: 'http://p/***', outage_ms: 12_400 }, 'The source http://p/*** is back after 12 s'],
    ['source_lost', { source: 'http://p/***', reason: '404' }, 'The source http://p/*** is lost: 404'],
    ['client_disconnected', { client_id: 'tv', name: 'News', seconds: 65, reason: 'left' }, 'tv left News after 1 min'],
    ['client_disconnected', { client_id: 'client_d2f44d7f50556856', name: 'News' }, 'A viewer left News'],
    ['client_disconnected', { client_id: 'console_769ebc7d752b22', name: 'News' }, 'Somebody in the console left News'],
    [
      'failover_triggered',
      { name: 'News', failover_index: 0, reason: 'source_stalled' },
      'News went to backup 1: source stalled',
    ],
    [
      'failover_triggered',
      {
        name: 'News',
        failover_index: -1,
        page: 'ytdlp',
        new_url: 'https://cdn.test/a?token=…',
        reason: 'address_refused',
      },
      'News went to another address of its page, at cdn.test: address refused',
    ],
    [
      'failover_triggered',
      { name: 'News', failover_index: 0, page: 'ytdlp', new_url: 'https://backup.test/a', reason: 'source_stalled' },
      'News went to backup 1: source stalled',
    ],
    ['broadcast_started', { name: 'BBC One', broadcast: 'news', kind: 'recording' }, 'BBC One is recorded as news'],
    ['broadcast_started', { name: 'BBC One', broadcast: 'own', kind: 'channel' }, 'The channel own plays BBC One'],
    [
      'broadcast_ended',
      { broadcast: 'news', kind: 'recording', seconds: 3_600, reason: 'ended' },
      'The recording news ended after 1 h 0 min: its time is over',
    ],
    [
      'broadcast_failed',
      { broadcast: 'news', kind: 'recording', error: 'No space is left.' },
      'The recording news failed: No space is left.',
    ],
  ])('%s', (event_type, data, sentence) => {
    expect(sentenceOf({ event_type, data })).toBe(sentence);
  });
});
