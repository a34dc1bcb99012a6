// `npm run test:page-resolvers`: sets the machine up and has streamlink and yt-dlp find the media of pages.
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

await run(() => {
  setup({ tests: true, pageResolvers: true });
  return runVitest(['--project=page-resolvers', ...process.argv.slice(2)]);
});
