/** Prints the routes of the worker as the Markdown table of docs/routes.md; `npm run docs` runs it. */

import { routesTable } from '../services/proxy/src/api/routes-table.ts';
import { buildServer } from '../services/proxy/src/api/server.ts';
import { loadConfig } from '../services/proxy/src/config/config.ts';
import { createWorker } from '../services/proxy/src/worker/worker.ts';
import { createLogger } from '../services/shared/log.ts';

const config = loadConfig({ FFMPEG_PATH: process.env.FFMPEG_PATH });
const log = createLogger('fatal');
const worker = await createWorker(config, log);
const server = await buildServer(worker.services);
await server.ready();
process.stdout.write(routesTable(server));
await server.close();
await worker.drain(0);
