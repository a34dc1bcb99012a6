/**
 * The PAT and PMT of an output (ISO 13818-1, 2.4.4). They are written anew when the program changes and repeated with
 * their own counters.
 */

import { PACKET_SIZE, setCounter } from '../syntax/packet.ts';
import { buildPat, buildPmt, freePid, PAT_PID, type ProgramMap, packetizeSection } from '../syntax/psi.ts';

export const PROGRAM_NUMBER = 1;
const DEFAULT_PMT_PID = 0x1000;
/** Payload bytes of a packet, and the overhead of a section with its pointer_field. */
const PAYLOAD_BYTES = 184;
const SECTION_OVERHEAD_BYTES = 3;

export class ProgramTables {
  #pat: Buffer = Buffer.alloc(0);
  #pmt: Buffer = Buffer.alloc(0);
  #pmtPid = DEFAULT_PMT_PID;
  #version = -1;
  #signature = '';
  readonly #counters = new Map<number, number>();
  /** The packets of both, by PID, which are sent again and again. */
  #packets: (readonly [pid: number, packets: Buffer])[] = [];

  get pmtPid(): number {
    return this.#pmtPid;
  }

  /**
   * Sets the program of the output from now on.
   * @param taken PIDs of its tracks, which the PMT must not use
   * @returns whether the tables have changed
   */
  describe(map: ProgramMap, taken: ReadonlySet<number>): boolean {
    this.#pmtPid = freePid(this.#pmtPid, (pid) => taken.has(pid));
    const signature = buildPmt(map, 0).toString('latin1');
    if (signature === this.#signature) return false;
    this.#signature = signature;
    this.#version = (this.#version + 1) & 0x1f;
    this.#pat = buildPat(PROGRAM_NUMBER, this.#pmtPid, 0);
    this.#pmt = buildPmt(map, this.#version);
    this.#packets = [
      [PAT_PID, packetizeSection(this.#pat, PAT_PID, 0)],
      [this.#pmtPid, packetizeSection(this.#pmt, this.#pmtPid, 0)],
    ];
    return true;
  }

  /** Emits both tables. Their memory is used again for the next ones. */
  emit(packets: (bytes: Buffer, start: number, end: number) => void): void {
    for (const [pid, bytes] of this.#packets) {
      let counter = this.#counterOf(pid);
      for (let at = 0; at < bytes.length; at += PACKET_SIZE) setCounter(bytes, at, ++counter);
      packets(bytes, 0, bytes.length);
      this.#counters.set(pid, counter & 0x0f);
    }
  }

  /** Both tables as they were last sent, for a reader that has not seen them. The next ones continue their counters. */
  get latest(): Buffer {
    const pmtPackets = Math.ceil((this.#pmt.length + SECTION_OVERHEAD_BYTES) / PAYLOAD_BYTES);
    return Buffer.concat([
      packetizeSection(this.#pat, PAT_PID, this.#counterOf(PAT_PID), true),
      packetizeSection(this.#pmt, this.#pmtPid, this.#counterOf(this.#pmtPid) - pmtPackets + 1 + 16, true),
    ]);
  }

  #counterOf(pid: number): number {
    return this.#counters.get(pid) ?? 0x0f;
  }
}
