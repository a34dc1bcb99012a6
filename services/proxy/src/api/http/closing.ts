/** Closes the connections of a closing server. Node alone would wait for those whose last response was just under way. */

import type { Api } from './typed-server.ts';

const CHECK_MS = 50;
/** Time for the last responses; viewers have been disconnected before. */
const PATIENCE_MS = 3_000;

export function endConnectionsOnClose(app: Api): void {
  app.addHook('preClose', async () => {
    const { server } = app;
    const untilMs = performance.now() + PATIENCE_MS;
    const timer = setInterval(() => {
      if (performance.now() < untilMs) server.closeIdleConnections();
      else server.closeAllConnections();
    }, CHECK_MS);
    server.once('close', () => clearInterval(timer));
    // A server that never listened has nothing to close and never emits `close`.
    if (!server.listening) clearInterval(timer);
  });
}
