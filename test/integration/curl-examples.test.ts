// The calls of examples/curl, run by bash and curl against a real worker, and held against the OpenAPI document.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { z } from 'zod';
import { findOnPath } from '../../services/proxy/src/ffmpeg/host/find-on-path.ts';
import { staged } from '../support/stage.ts';

const README = new URL('../../examples/curl/README.md', import.meta.url);
const BLOCKS = [...readFileSync(README, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
const [SETUP = '', ...TASKS] = BLOCKS;

/** Notes the words of each call to curl, a line of JSON each, and makes it. */
const NOTED = `curl() {
  "$NODE" -e 'require("node:fs").appendFileSync(process.env.CALLS, JSON.stringify(process.argv.slice(1)) + "\\n")' -- "$@"
  command curl "$@"
}`;

const schema = z.object({ properties: z.record(z.string(), z.unknown()).default({}) });
const operation = z.object({
  parameters: z.array(z.object({ in: z.string(), name: z.string() })).default([]),
  requestBody: z.object({ content: z.object({ 'application/json': z.object({ schema }) }) }).optional(),
});
const openApi = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly fields: readonly string[];
}

function callOf(words: readonly string[]): Call {
  const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
  const body = after('-d');
  return {
    method: (after('-X') ?? (body === undefined ? 'GET' : 'POST')).toLowerCase(),
    url: new URL(words.find((word) => word.startsWith('http')) ?? ''),
    fields: Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(body ?? '{}'))),
  };
}

/** What a call has that the document does not. */
function undocumented({ method, url, fields }: Call, { paths }: z.infer<typeof openApi>): string[] {
  const here = `${method} ${url.pathname}`;
  const matches = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(url.pathname);
  // A path without parameters comes before one that matches by them.
  const path = paths[url.pathname] === undefined ? Object.keys(paths).find(matches) : url.pathname;
  const known = paths[path ?? '']?.[method];
  if (known === undefined) return [`${here} is no route`];
  const parameters = known.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const properties = Object.keys(known.requestBody?.content['application/json'].schema.properties ?? {});
  return [
    ...[...url.searchParams.keys()]
      .filter((name) => !parameters.includes(name))
      .map((name) => `${here} reads no ?${name}`),
    ...fields.filter((name) => !properties.includes(name)).map((name) => `${here} reads no field ${name}`),
  ];
}

describe.skipIf(findOnPath('curl') === undefined)('the calls of examples/curl', () => {
  staged('succeed in their order, and say nothing that the API does not read', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ API_TOKEN: 'a-token' });
    const folder = mkdtempSync(join(tmpdir(), 'streampool-curl-'));
    try {
      const calls = join(folder, 'calls');
      const values = { STREAMPOOL: worker.url, API_TOKEN: 'a-token', SOURCE: source.url };
      const setup = Object.entries(values).reduce((text, [name, value]) => {
        expect(text).toMatch(new RegExp(`^${name}=`, 'm'));
        return text.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}='${value}'`);
      }, SETUP);
      const script = ['set -eu', NOTED, setup, ...TASKS, 'ls -l channel-101.ts'].join('\n');
      const env = { ...process.env, NODE: process.execPath, CALLS: calls };
      const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: folder, env, maxBuffer: 2 ** 24 });

      expect(stdout).toContain('"draining"');
      expect(readFileSync(join(folder, 'channel-101.ts')).length).toBe(500_000);
      const made = readFileSync(calls, 'utf8')
        .trim()
        .split('\n')
        .map((line) => callOf(z.array(z.string()).parse(JSON.parse(line))));
      expect(made.length).toBeGreaterThan(15);
      const document = openApi.parse((await worker.api.get('/openapi.json')).body);
      expect(made.flatMap((call) => undocumented(call, document))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
