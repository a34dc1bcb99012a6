/** How the console counts, measures and tells of events in English: as the command does, for the reader of a page. */

import { counting } from '../../../shared/english/counting.ts';
import { eventSentences } from '../../../shared/english/event-sentences.ts';
import { count } from './numbers.ts';
import { visible } from './visible.ts';

export const { several, viewers, milliseconds } = counting({ count });
export const sentenceOf = eventSentences({ count, shown: (text) => visible(text) });
