/** The recordings and network channels of the cluster, for people who search in them: read once for all who ask within a short time. */

import { kindOfOrder, type ShownBroadcast } from '../../../../registry/broadcasts/broadcast.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { RecordingPage, RecordingRow } from '../../../../shared/console/lists.ts';
import type { Services } from '../../worker/services.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import { SharedAnswer } from '../console/counts/shared-answer.ts';
import type { StreamIndex } from '../lists/stream-index.ts';
import { type Disclosure, disclosureFor } from '../views/stream-views.ts';
import { type RecordingQuestion, recordingPage, recordingsOf } from './recording-list.ts';
import { viewOfRecording } from './recording-views.ts';

export interface RecordingSearchDeps {
  readonly services: { readonly broadcasts: Pick<Services['broadcasts'], 'list'> } & Pick<Services, 'config'>;
  readonly streams: Pick<StreamIndex, 'names'>;
  readonly access: PlaybackAccess;
}

export class RecordingSearch {
  readonly #deps: RecordingSearchDeps;
  readonly #disclosure: Disclosure;
  readonly #answer: SharedAnswer<readonly ShownBroadcast[]>;

  constructor(deps: RecordingSearchDeps, clock: Clock = systemClock) {
    this.#deps = deps;
    this.#disclosure = disclosureFor(deps.services.config.apiToken);
    this.#answer = new SharedAnswer(() => deps.services.broadcasts.list(), clock);
  }

  async page(question: RecordingQuestion): Promise<RecordingPage> {
    const found = recordingsOf(await this.#answer.get(), question);
    const ids = found.items.map(({ broadcast }) => broadcast.order.streamId);
    const names = await this.#deps.streams.names([...new Set(ids)]);
    return recordingPage(found, (broadcast) => this.#row(broadcast, names));
  }

  #row(broadcast: ShownBroadcast, names: ReadonlyMap<string, string>): RecordingRow {
    const { access, services } = this.#deps;
    const { urls_expire_at: _, metadata: __, ...view } = viewOfRecording(broadcast, access, this.#disclosure);
    const stream_name = names.get(view.stream_id) ?? null;
    if (kindOfOrder(broadcast.order) === 'recording') return { ...view, stream_name };
    const isOpen = services.config.playbackAuth === 'open';
    return {
      ...{ ...view, stream_name, download_url: null },
      playlist_url: isOpen ? `/broadcast/${broadcast.id}/live.m3u8` : null,
    };
  }
}
