/** The child process that does the least a Node server can do for HLS: the files of a copied stream, from memory, by their names alone. */
import { readFileSync, readlinkSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { answerCalls } from '../remote.ts';

/** How often it looks for another playlist. */
const LOOK_MS = 250;

/** @param folder as `copyStream` keeps it */
async function start(folder: string): Promise<string> {
  const media = new Map<string, Buffer>();
  const read = (name: string): Buffer => {
    const known = media.get(name) ?? readFileSync(join(folder, name));
    media.set(name, known);
    return known;
  };
  const names = new Map<string, string>();
  const nameOf = (n: string): string => {
    const known = names.get(n) ?? basename(readlinkSync(join(folder, `${n}.ts`)));
    names.set(n, known);
    return known;
  };
  const playlist = () => readFileSync(join(folder, 'playlist.m3u8'));
  let current = playlist();
  setInterval(() => {
    current = playlist();
  }, LOOK_MS);
  const send = (response: ServerResponse, type: string, body: Buffer) =>
    response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
  const server = createServer(({ url = '' }, response) => {
    const at = url.indexOf('?n=');
    if (at > 0) send(response, 'video/mp2t', read(nameOf(url.slice(at + 3))));
    else send(response, 'application/vnd.apple.mpegurl', url === '/entry.m3u8' ? read('entry.m3u8') : current);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

answerCalls({ start });
