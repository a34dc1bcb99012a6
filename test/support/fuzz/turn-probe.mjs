// Loaded into a worker by `--import`: logs each long turn of its event loop, in ms of CPU. CPU time leaves out the moments
// in which a busy machine runs something else.
const EVERY_MS = 20;
const LONG_MS = 50;

let atMs = performance.now();
let cpu = process.cpuUsage();
setInterval(() => {
  const nowMs = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  const turnMs = Math.min(nowMs - atMs - EVERY_MS, (user + system) / 1000);
  atMs = nowMs;
  cpu = process.cpuUsage();
  if (turnMs > LONG_MS) process.stdout.write(`${JSON.stringify({ msg: 'a long turn', ms: Math.round(turnMs) })}\n`);
}, EVERY_MS).unref();
