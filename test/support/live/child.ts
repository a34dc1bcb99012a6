/** The child process of startLiveSourceProcess: a live server that takes commands over IPC and ends with its parent. */
import { linkTo, type Order, type Reply, type SourceLink } from '../live-source.ts';
import type { LiveSourceOptions } from './options.ts';
import { LiveServer } from './server.ts';

const server = await LiveServer.start(JSON.parse(process.argv[2] ?? '{}') as LiveSourceOptions);
const link: SourceLink = linkTo(server);

function reply(message: Reply): void {
  process.send?.(message);
}

process.once('disconnect', () => process.exit(0));
process.on('message', async ({ id, method, args }: Order) => {
  try {
    const order = link[method] as (...args: unknown[]) => Promise<unknown>;
    reply({ id, value: await order(...args) });
  } catch (error) {
    reply({ id, error: String(error) });
  }
});
reply({ id: 0, value: { origin: server.origin, paths: [...server.channels.keys()] } });
