/** A synthetic live channel over HTTP: a test picture with a clock and a tone, one FFmpeg for any number of connections. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';

const PACKET = 188;
const SYNC = 0x47;
/** FFmpeg's MPEG-TS muxer numbers PIDs from here; the video is mapped first. */
const VIDEO_PID = 0x100;
/** A connection with this much unread is closed; it is about 30 s of this channel. */
const MAX_BACKLOG_BYTES = 4 * 1024 ** 2;
const PARENT_CHECK_MS = 250;
const PATH = '/live.ts';
const FONTS = ['/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf', '/usr/share/fonts/TTF/DejaVuSansMono.ttf'];

function ffmpegArguments(): string[] {
  const font = FONTS.find((file) => existsSync(file));
  const clock = `drawtext=fontfile=${font}:text='%{localtime}':fontcolor=white:fontsize=32:box=1:boxcolor=black:x=16:y=h-48`;
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
    ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ...['-map', '0:v', '-map', '1:a', ...(font === undefined ? [] : ['-vf', clock])],
    // A keyframe every 2 s, as broadcasters send them, and no other keyframes.
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-b:v',
      '1M',
      '-g',
      '50',
      '-sc_threshold',
      '0',
    ],
    ...['-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
    ...['-f', 'mpegts', '-mpegts_flags', '+pat_pmt_at_frames', '-flush_packets', '1', 'pipe:1'],
  ];
}

/** Cuts FFmpeg's output into packets and sends them to every viewer, from the newest keyframe on. */
class Channel {
  readonly #viewers = new Set<ServerResponse>();
  readonly #onFirstKeyframe: () => void;
  /** Everything since the PAT before the newest keyframe. */
  #sinceKeyframe: Buffer[] = [];
  /** Everything since the newest PAT, which precedes each frame. */
  #sincePat: Buffer[] = [];
  #partial = Buffer.alloc(0);

  /** @param onFirstKeyframe called once, when viewers can be added */
  constructor(onFirstKeyframe: () => void) {
    this.#onFirstKeyframe = onFirstKeyframe;
  }

  push(chunk: Buffer): void {
    const data = Buffer.concat([this.#partial, chunk]);
    const whole = data.length - (data.length % PACKET);
    this.#partial = data.subarray(whole);
    if (whole === 0) return;
    for (let offset = 0; offset < whole; offset += PACKET) this.#index(data.subarray(offset, offset + PACKET));
    for (const viewer of this.#viewers) this.#send(viewer, data.subarray(0, whole));
  }

  add(viewer: ServerResponse): void {
    viewer.writeHead(200, { 'Content-Type': 'video/mp2t', 'Cache-Control': 'no-store' });
    viewer.write(Buffer.concat(this.#sinceKeyframe));
    this.#viewers.add(viewer);
    viewer.on('close', () => this.#viewers.delete(viewer));
  }

  #index(packet: Buffer): void {
    if (packet[0] !== SYNC) throw new Error('The demo FFmpeg wrote something that is not MPEG-TS.');
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const hasAdaptation = (packet.readUInt8(3) & 0x20) !== 0 && packet.readUInt8(4) > 0;
    const randomAccess = hasAdaptation && (packet.readUInt8(5) & 0x40) !== 0;
    if (pid === 0) this.#sincePat = [];
    this.#sincePat.push(packet);
    if (pid !== VIDEO_PID || !randomAccess) {
      if (this.#sinceKeyframe.length > 0) this.#sinceKeyframe.push(packet);
      return;
    }
    if (this.#sinceKeyframe.length === 0) this.#onFirstKeyframe();
    this.#sinceKeyframe = [...this.#sincePat];
  }

  #send(viewer: ServerResponse, bytes: Buffer): void {
    if (viewer.writableLength > MAX_BACKLOG_BYTES) viewer.destroy();
    else viewer.write(bytes);
  }
}

function main(): void {
  const host = process.env.HOST || '127.0.0.1';
  const server = createServer((request, response) => {
    if (request.url !== PATH) response.writeHead(404).end(`The channel is at ${PATH}\n`);
    else if (request.method === 'GET') channel.add(response);
    else response.writeHead(request.method === 'HEAD' ? 200 : 405, { 'Content-Type': 'video/mp2t' }).end();
  });
  server.on('error', (error) => fail(`The demo source cannot listen: ${error.message}`));
  server.on('listening', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    console.log(JSON.stringify({ url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${PATH}` }));
  });
  const channel = new Channel(() => server.listen(Number(process.env.PORT || 0), host));
  const ffmpeg = spawn(process.env.FFMPEG_PATH || 'ffmpeg', ffmpegArguments(), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stopWith(ffmpeg);
  ffmpeg.stdout.on('data', (chunk: Buffer) => channel.push(chunk));
}

/** Ends this process and its FFmpeg together, and both when the parent process ends. */
function stopWith(ffmpeg: ChildProcess): void {
  ffmpeg.on('error', (error) => fail(`Could not start FFmpeg: ${error.message}`));
  ffmpeg.on('exit', (code, signal) => fail(`The demo FFmpeg ended (${signal ?? `exit code ${code}`}).`));
  process.on('exit', () => ffmpeg.kill('SIGKILL'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(0));
  // A process whose parent is gone gets a new parent. (After kill -9 of this process, FFmpeg ends on its broken pipe.)
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, PARENT_CHECK_MS).unref();
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

main();
