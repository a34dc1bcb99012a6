/** Ends the connections of a server that closes: Node waits for those whose last response was under way just then. */

import type { Api } from './typed-server.ts';

const CHECK_MS = 50;
/** For the last responses; viewers have been closed before. */
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
    // A server that never listened has nothing to close, and says nothing when it does.
    if (!server.listening) clearInterval(timer);
  });
}
