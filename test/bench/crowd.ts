/** The child process that is a crowd of viewers: raw sockets that throw away what they read, as cheaply as Node can. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeTs } from '../support/judge/index.ts';
import { type RecordingHandle, startRecording } from '../support/recorder.ts';
import { median, percentile } from './numbers.ts';
import { answerCalls } from './remote.ts';

export interface CrowdOrder {
  url: string;
  count: number;
  /** Of these, so many keep their bytes, for the judge. */
  judged: number;
  headers?: Record<string, string>;
}

/** What the crowd saw since it was marked. */
export interface CrowdReport {
  seconds: number;
  bytes: number;
  /** How much media the client that got least lacks, against the one in the middle. */
  behindSeconds: number;
  /** Longest time that any client got nothing. */
  longestGapMs: number;
  /** Connections that ended. */
  lost: number;
  /** Of the judged clients: counter errors, discontinuities, DTS steps back, broken PES. */
  faults: number;
  cpuSeconds: number;
}

const CONNECTS_PER_SECOND = 400;
/** One buffer for all: what is in it is never looked at. */
const SCRATCH = Buffer.allocUnsafeSlow(256 * 1024);

interface Client {
  socket: Socket;
  bytes: number;
  lastMs: number;
  longestGapMs: number;
}

const clients: Client[] = [];
let recordings: RecordingHandle[] = [];
let lost = 0;
let marked = { atMs: 0, cpu: process.cpuUsage(), bytes: [] as number[] };

async function open({ url, count, judged, headers = {} }: CrowdOrder): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  const further = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(
    `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nUser-Agent: bench\r\n${further.join('')}\r\n`,
  );
  for (let n = 0; n < count - judged; n++) {
    clients.push(openClient(hostname, Number(port), request));
    if (n % 20 === 19) await sleep((20 * 1000) / CONNECTS_PER_SECOND);
  }
  for (let n = 0; n < judged; n++) recordings.push(startRecording(url, { headers }));
  while (clients.some((client) => client.bytes === 0) || recordings.some((each) => each.byteCount === 0)) {
    if (lost > 0) throw new Error(`${lost} of ${count} clients were refused`);
    await sleep(20);
  }
}

function openClient(host: string, port: number, request: Buffer): Client {
  const read = (length: number): boolean => {
    const nowMs = performance.now();
    client.bytes += length;
    client.longestGapMs = Math.max(client.longestGapMs, nowMs - client.lastMs);
    client.lastMs = nowMs;
    return true;
  };
  const socket = connect({ host, port, onread: { buffer: SCRATCH, callback: read } });
  const client: Client = { socket, bytes: 0, lastMs: performance.now(), longestGapMs: 0 };
  socket.on('error', () => undefined);
  socket.once('close', () => {
    lost++;
  });
  socket.write(request);
  return client;
}

function mark(): void {
  const atMs = performance.now();
  for (const client of clients) {
    client.longestGapMs = 0;
    client.lastMs = Math.max(client.lastMs, atMs - 1000);
  }
  marked = { atMs, cpu: process.cpuUsage(), bytes: allBytes() };
}

function report(): CrowdReport {
  const bytes = allBytes().map((total, n) => total - (marked.bytes[n] ?? 0));
  const cpu = process.cpuUsage(marked.cpu);
  const seconds = (performance.now() - marked.atMs) / 1000;
  return {
    seconds,
    bytes: bytes.reduce((sum, each) => sum + each, 0),
    behindSeconds: (1 - percentile(bytes, 0) / median(bytes)) * seconds,
    longestGapMs: Math.max(0, ...clients.map((client) => client.longestGapMs)),
    lost: lost + recordings.filter((recording) => recording.ended).length,
    faults: recordings.reduce((sum, recording) => sum + faultsOf(recording), 0),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

function allBytes(): number[] {
  return [...clients.map((client) => client.bytes), ...recordings.map((recording) => recording.byteCount)];
}

function faultsOf(recording: RecordingHandle): number {
  const verdict = judgeTs(recording.snapshot());
  return verdict.pids.reduce((sum, pid) => {
    const signalled = pid.signalledDiscontinuities.filter((each) => !each.atStart).length;
    return sum + pid.continuityErrors.length + pid.dtsBackSteps.length + pid.partialPes.length + signalled;
  }, verdict.syncErrors.length);
}

async function close(): Promise<void> {
  for (const { socket } of clients.splice(0)) {
    socket.removeAllListeners('close');
    socket.destroy();
  }
  await Promise.all(recordings.map((recording) => recording.stop()));
  recordings = [];
  lost = 0;
}

answerCalls({ open, mark, report, close });
