// A secret in every place where a URL carries one, in many spellings: it is in no masked text, no log line, no answer.
import { expect, it } from 'vitest';
import { createLogger } from '../../../../services/shared/log.ts';
import { decoded } from '../../../../services/shared/masking/decoded.ts';
import { maskText, maskUrl, secretsOf } from '../../../../services/shared/masking/mask.ts';
import { secretUrl, secretWord } from '../../../support/fuzz/secret-urls.ts';
import { pick, seeded, TEST_SEED } from '../../../support/seed.ts';
import { startApi } from '../../api/support.ts';

const URLS = 4_000;

/** Where URLs stand in what FFmpeg, sockets, Redis and servers say. */
const TEXTS: readonly ((url: string) => string)[] = [
  (url) => `[error] ${url}: Server returned 404 Not Found`,
  (url) => `[hls @ 0x55d] Opening '${url}' for reading`,
  (url) => `Error: connect ECONNREFUSED ${url}\n    at file:///app/main.js:10:5`,
  (url) => `{"url":"${url}","status":404}`,
  (url) => `<a href="${url}">here</a>`,
  (url) => `(see ${url}).`,
];

function expectHidden(shown: string, secret: string, from: string): void {
  const context = `seed ${TEST_SEED}, from ${JSON.stringify(from)}: ${JSON.stringify(shown)}`;
  expect(decoded(shown).includes(secret), context).toBe(false);
}

it('masked URLs, and texts with them, show the host and not the secret', () => {
  const random = seeded(TEST_SEED);
  for (let turn = 0; turn < URLS; turn++) {
    const secret = secretWord(random);
    const { url, host } = secretUrl(random, secret);
    const masked = maskUrl(url);
    expectHidden(masked, secret, url);
    expect(masked, `seed ${TEST_SEED}, from ${JSON.stringify(url)}`).toContain(host);
    expect(maskUrl(masked)).toBe(masked);
    const text = pick(random, TEXTS)(url.trim());
    expectHidden(maskText(text), secret, text);
    expectHidden(maskText(`user ${secret} is unknown`, secretsOf(url)), secret.repeat(2), url);
  }
});

it('a line of the log shows none, whichever way a URL gets into it', () => {
  const random = seeded(TEST_SEED);
  let lines = '';
  const log = createLogger('info', {}, { write: (line: string) => (lines += line) });
  for (let turn = 0; turn < 500; turn++) {
    const secret = secretWord(random);
    const { url } = secretUrl(random, secret);
    lines = '';
    const cause = Object.assign(new Error(`no route to ${url}`), { command: { name: 'auth', args: [secret] } });
    const err = new Error(`failed: ${url}`, { cause });
    log
      .child({ source: url.trim() })
      .warn({ err, request: { urls: [url], headers: { 'x-auth-token': secret } } }, `again: ${url}`);
    for (const line of lines.trim().split('\n')) expectHidden(JSON.stringify(JSON.parse(line)), secret, url);
  }
});

it('no answer shows one to who asks without a token, and no line of the log', async () => {
  const random = seeded(TEST_SEED);
  const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'false', API_RATE_LIMIT: '0' });
  const secrets = Array.from({ length: 60 }, () => secretWord(random));
  const answers: string[] = [];
  for (const secret of secrets) {
    const url = secretUrl(random, secret)
      .url.trim()
      .replace(/\w+\.test(?::\d+)?/, '127.0.0.1:1');
    const failovers = [secretUrl(random, secret).url.trim().replace(/^\w+/, 'http')];
    for (const path of ['/streams', '/transcode']) {
      const made = await api.post(path, { url, failover_urls: failovers, metadata: { source: url } });
      if (made.status !== 200) answers.push(made.text);
      else
        answers.push(
          (await api.get(`/stream/${made.body.stream_id}`)).text,
          (await api.get(`/streams/${made.body.stream_id}`)).text,
        );
    }
    answers.push((await api.get(`/stream/x?url=${encodeURIComponent(url)}&client_id=${'x'.repeat(200)}`)).text);
    answers.push((await api.get(`/stream/x?url=${encodeURIComponent(url)}`)).text);
  }
  for (const path of ['/streams', '/streams?idle=true', '/stats', '/stats/detailed', '/metrics'])
    answers.push((await api.get(path)).text);
  expect(answers.length).toBeGreaterThan(200);
  const said = decoded([...answers, ...api.logged].join('\n'));
  expect(
    secrets.filter((secret) => said.includes(secret)),
    `seed ${TEST_SEED}`,
  ).toEqual([]);
});
