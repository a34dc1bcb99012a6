/** The child process of startRecordingProcess. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeTs } from './judge/judge.ts';
import { type RecordingHandle, startRecording } from './recorder.ts';
import type { RecordJob, RecordResult, RemoteRecording } from './recorder-process.ts';

const directory = process.argv[2] ?? '.';
const job = JSON.parse(process.argv[3] ?? '{"urls":[]}') as RecordJob;
const handles: RecordingHandle[] = [];

process.once('disconnect', () => process.exit(0));
process.on('message', () => {
  for (const handle of handles) void handle.stop();
});

for (const url of job.urls) {
  if (job.staggerMs !== undefined && handles.length > 0) await sleep(job.staggerMs);
  handles.push(startRecording(url, job.options));
}

const recordings: RemoteRecording[] = [];
await Promise.all(handles.map((handle) => handle.done));
const cpu = process.cpuUsage();
for (const [index, handle] of handles.entries()) {
  const { bytes, arrivals, ...rest } = await handle.done;
  const path = job.files ? join(directory, `${index}.ts`) : undefined;
  if (path !== undefined) await writeFile(path, bytes);
  const verdict = job.judge === false ? undefined : judgeTs({ bytes, arrivals, endedMs: rest.endedMs });
  recordings.push({ ...rest, path, verdict });
}
process.send?.({ recordings, cpuSeconds: (cpu.user + cpu.system) / 1e6 } satisfies RecordResult);
