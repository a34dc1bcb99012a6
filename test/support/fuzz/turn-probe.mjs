// Loaded into a worker by `--import`: logs the longest turn of its event loop so far, in ms of CPU, whenever it has grown. A
// moment in which a busy machine runs something else is no turn of the worker's.
const EVERY_MS = 20;

let longestMs = 0;
let atMs = performance.now();
let cpu = process.cpuUsage();
setInterval(() => {
  const nowMs = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  const turnMs = Math.min(nowMs - atMs - EVERY_MS, (user + system) / 1000);
  atMs = nowMs;
  cpu = process.cpuUsage();
  if (turnMs <= longestMs) return;
  longestMs = turnMs;
  process.stdout.write(`${JSON.stringify({ msg: 'longest turn', ms: Math.round(turnMs) })}\n`);
}, EVERY_MS).unref();
