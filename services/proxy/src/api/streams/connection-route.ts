/** POST /test-connection: whether a source answers this worker, through the egress guard. */

import { z } from 'zod';
import { SourceError, StreampoolError } from '../../errors.ts';
import { A_SOURCE_URL, isSourceUrl } from '../../upstream/egress/source-url.ts';
import { openUpstream } from '../../upstream/http/open-upstream.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';

const TIMEOUT_MS = 5_000;

const outcome = z.object({
  success: z.boolean().describe('Whether the source answered 200.'),
  message: z.string(),
  url_tested: z.string(),
  status_code: z.int().optional(),
  error: z.string().optional(),
});

export function connectionRoute(app: Api, { config, guard }: Services): void {
  app.post(
    '/test-connection',
    {
      schema: {
        tags: ['Status'],
        summary: 'Test whether a source answers within 5 seconds.',
        body: z.object({ url: z.string() }),
        response: { 200: outcome },
      },
    },
    async ({ body }) => {
      const failed = (error: string) => ({
        success: false,
        message: 'The source could not be reached.',
        url_tested: body.url,
        error,
      });
      if (!isSourceUrl(body.url)) return failed(`This is not ${A_SOURCE_URL}.`);
      try {
        const { status, body: media } = await openUpstream({
          url: body.url,
          headers: {},
          userAgent: config.defaultUserAgent,
          connectTimeoutMs: TIMEOUT_MS,
          headersTimeoutMs: TIMEOUT_MS,
          signal: AbortSignal.timeout(TIMEOUT_MS),
          guard,
        });
        media.destroy();
        const success = status === 200;
        const message = success ? 'The source answers.' : `The source answers ${status}, not 200.`;
        return { success, message, url_tested: body.url, status_code: status };
      } catch (error) {
        if (error instanceof SourceError && error.reason === 'stopped') {
          return failed(`The source did not answer within ${TIMEOUT_MS / 1000} s.`);
        }
        if (error instanceof StreampoolError) return failed(error.message);
        throw error;
      }
    },
  );
}
