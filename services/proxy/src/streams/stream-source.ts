/** The current source of a stream: its primary URL, or the URL that failover chose for the stream's group. */

import type { FailoverState, SilenceOrder, StreamRecord } from '../../../registry/types.ts';
import { canFailOver, mayMoveOn } from '../upstream/failover/failover.ts';
import { pipeUrl } from '../upstream/provider/page-pipe.ts';
import type { FailoverCause, Following, GroupSource, SourceAddress } from '../upstream/provider/source-address.ts';
import type { FailoverGroup } from './failover-group.ts';

export class StreamSource implements GroupSource {
  #stream: StreamRecord;
  readonly #groupOf: (stream: StreamRecord) => FailoverGroup;
  #group: FailoverGroup;

  /** @param groupOf the group of a stream; the same object for all streams of a group */
  constructor(stream: StreamRecord, groupOf: (stream: StreamRecord) => FailoverGroup) {
    this.#stream = stream;
    this.#groupOf = groupOf;
    this.#group = groupOf(stream);
    this.#group.enter(stream);
  }

  /** The streams that it moves with. */
  get group(): FailoverGroup {
    return this.#group;
  }

  get ofGroup(): StreamSource {
    const group = this.#group;
    return new StreamSource(this.#stream, () => group);
  }

  /** -1: the primary URL. */
  get index(): number {
    return this.#group.state.index;
  }

  get movedAtMs(): number | undefined {
    return this.#group.state.lastAtMs;
  }

  /** What the stream asks for about silence; undefined: as the settings say. */
  get silence(): SilenceOrder | undefined {
    return this.#stream.silence;
  }

  get state(): FailoverState {
    return this.#group.state;
  }

  /** Takes over a newer record: the group has moved, or the stream was created anew with other headers or failovers. */
  follow(stream: StreamRecord): void {
    // Each request of a viewer comes with what is remembered of its stream, which is the same object until something has changed.
    if (stream === this.#stream) return;
    const before = this.#group;
    this.#stream = stream;
    this.#group = this.#groupOf(stream);
    if (this.#group !== before) before.leave(stream.id);
    this.#group.enter(stream);
  }

  refresh(): Promise<void> {
    return this.#group.refresh(this.#stream.id);
  }

  get address(): SourceAddress {
    return this.#addressOf(this.#group.state);
  }

  get following(): Following | undefined {
    const state = this.#group.following(this.#stream);
    return state && { address: this.#addressOf(state), index: state.index };
  }

  #addressOf({ currentUrl: url, headers, userAgent, variant, audio }: FailoverState): SourceAddress {
    const stream = this.#stream;
    const sticky = stream.stickySession === true;
    const sound = audio && { ...audio, userAgent: audio.userAgent ?? stream.userAgent };
    const own = { headers: headers ?? stream.headers, userAgent: userAgent ?? stream.userAgent };
    const { page } = stream;
    const isFound = page !== undefined && !stream.failoverUrls.includes(url);
    return {
      url,
      ...own,
      sticky,
      ...(variant === undefined ? {} : { variant }),
      ...(sound === undefined ? {} : { audio: sound }),
      ...(isFound ? { isFound } : {}),
      ...(isFound && url === pipeUrl(stream.url) ? { pipe: { ...page, url: stream.url } } : {}),
    };
  }

  get canFailOver(): boolean {
    return canFailOver(this.#group.planOf(this.#stream));
  }

  mayMoveOn(isOver: boolean, moves: number): boolean {
    return mayMoveOn(this.#group.planOf(this.#stream), isOver, moves);
  }

  async advance(fromIndex: number, cause: FailoverCause): Promise<boolean> {
    return (await this.#group.advance(this.#stream, fromIndex, cause)) !== undefined;
  }

  /** Finds the media of a web page before it is first played. @throws {SourceError} with what the program says */
  findMedia(): Promise<void> {
    return this.#group.findMedia(this.#stream);
  }

  goBack(fromIndex: number, to: Following): Promise<void> {
    return this.#group.goBack(this.#stream, fromIndex, to);
  }

  /**
   * Moves on because somebody has asked for it.
   * @returns the streams that have moved; undefined when there is no other source
   */
  moveOn(): Promise<readonly string[] | undefined> {
    return this.#group.advance(this.#stream, this.index, { reason: 'manual' });
  }

  /**
   * Moves to a source that somebody has chosen.
   * @param index -1: the primary URL
   * @returns the streams that have moved; undefined when there is no such source
   */
  moveTo(index: number): Promise<readonly string[] | undefined> {
    return this.#group.moveTo(this.#stream, index);
  }
}
