// Preloaded into a worker: at SIGUSR2 it collects its garbage and prints what is left, in bytes.
process.on('SIGUSR2', () => {
  globalThis.gc();
  process.stdout.write(`${JSON.stringify({ msg: 'heap', bytes: process.memoryUsage().heapUsed })}\n`);
});
