/** Routes about page resolvers: what yt-dlp says of a page, and whether a cookies file can be used. */

import { z } from 'zod';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { bodyFlag, sourceUrl } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';

const pageOrder = z.object({
  url: sourceUrl.describe('URL of the page.'),
  cookies_path: z.string().max(4096).nullish().describe('A cookies file below COOKIES_DIR.'),
  format: z.string().max(300).nullish().describe('A format selection of yt-dlp.'),
  flat_playlist: bodyFlag.nullish().describe('Of a list only what its page says, and all of it.'),
});
const cookiesQuery = z.object({ path: z.string().max(4096).describe('Absolute, or below COOKIES_DIR.') });
const validity = z.object({ valid: z.boolean(), message: z.string() });

export function pageRoutes(app: Api, { pageResolvers }: Services): void {
  const tags = ['Streams'];

  app.get(
    '/validate-cookies-file',
    {
      schema: {
        tags,
        summary: 'Check whether a cookies file can be used.',
        querystring: cookiesQuery,
        response: { 200: validity },
      },
    },
    async ({ query }) => {
      try {
        await pageResolvers.checkCookiesFile(query.path);
        return { valid: true, message: 'The cookies file can be used.' };
      } catch (error) {
        if (error instanceof StreampoolError && error.status === 400) return { valid: false, message: error.message };
        throw error;
      }
    },
  );

  app.post(
    '/ytdlp/metadata',
    {
      schema: {
        tags,
        summary: 'Get what yt-dlp says of a web page.',
        body: pageOrder,
        response: { 200: z.record(z.string(), z.unknown()) },
      },
    },
    async ({ body }) =>
      pageResolvers.metadata({
        url: body.url,
        args: body.format ?? undefined,
        cookiesPath: body.cookies_path ?? undefined,
        isFlatList: body.flat_playlist === true,
      }),
  );
}
