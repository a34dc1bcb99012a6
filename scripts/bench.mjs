// `npm run bench`: sets the machine up, builds, and runs the benchmark with the arguments given. `peers` compares with other servers
// (--m3u-proxy, --peer), and may be kept (--keep); the others take --beside.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, run, setup } from './setup.mjs';

await run(async () => {
  const words = process.argv.slice(2);
  const isPeers = words.some((word) => /^peers(\/|$)/.test(word));
  setup({ redis: true, bench: !isPeers, peers: isPeers });
  const entry = join(ROOT, 'test', 'bench', ...(isPeers ? ['peers'] : []), 'main.ts');
  // Always rebuilt, so that the numbers belong to the current code.
  await build();
  const args = ['--import', 'tsx', entry, ...words];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
});
