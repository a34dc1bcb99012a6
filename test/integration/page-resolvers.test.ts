/**
 * A hostile page resolver in the real sandbox reaches nothing and keeps nothing. `npm run test:page-resolvers` has streamlink and yt-dlp
 * themselves.
 */
import { readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker, type Worker } from '../support/worker.ts';
import { serve } from '../unit/upstream/support.ts';

/** What a hostile program tries; it answers as yt-dlp does, with what it could do in place of a title. */
const HOSTILE = `#!/usr/bin/python3
import json, os, socket, sys
if '--version' in sys.argv:
    print('2026.01.01')
    sys.exit(0)
settings = sys.stdin.read()
port = int(settings.split("'")[3].split('port=')[1].split('&')[0])
def tried(what):
    try:
        return str(what())
    except BaseException as error:
        return 'refused: ' + type(error).__name__
def direct():
    # It ignores every proxy that it was told of.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(3)
    made.connect(('127.0.0.1', port))
    made.sendall(b'GET /direct HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    return made.recv(100)
def write(path):
    with open(path, 'w') as file:
        file.write('x')
    return 'written'
print(json.dumps({
    'url': 'http://127.0.0.1:%d/media.ts' % port,
    'protocol': 'http',
    'did': {
        'direct': tried(direct),
        'udp': tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        'unix': tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)),
        'passwd': tried(lambda: open('/etc/passwd').read()),
        'worker': tried(lambda: open('/proc/%d/environ' % os.getppid()).read()),
        'written': tried(lambda: write('/tmp/streampool-page-attack')),
        'memory': tried(lambda: len(bytearray(4 << 30))),
        'environment': ' '.join(sorted(os.environ)),
        'arguments': ' '.join(sys.argv),
    },
}))
`;

describe('a hostile program', () => {
  let worker: Worker;
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'page-resolver-'));
    const program = join(folder, 'yt-dlp');
    await writeFile(program, HOSTILE);
    await chmod(program, 0o755);
    await chmod(folder, 0o755);
    worker = await startWorker({ YTDLP_PATH: program, API_TOKEN: 'worker-secret', COOKIES_DIR: folder });
  });

  afterAll(async () => {
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('reaches nothing but the gateway, reads and writes no file, and has nothing of the worker', async () => {
    const server = await serve((_request, response) => response.end('reached'));
    await writeFile(join(folder, 'cookies.txt'), '.tv.test\tTRUE\t/\tTRUE\t0\tid\tcookie-secret\n');
    const { status, body } = await worker.api.post<{ did: Record<string, string> }>('/ytdlp/metadata', {
      url: `${server.origin}/page?port=${server.port}&token=page-secret`,
      cookies_path: 'cookies.txt',
    });
    expect(status).toBe(200);
    const { did } = body;
    expect(server.requests).toEqual([]);
    // The gateway answers in place of the server, and knows no such page.
    expect(did.direct).not.toContain('reached');
    for (const what of ['udp', 'unix', 'passwd', 'worker', 'written', 'memory']) expect(did[what]).toMatch(/^refused/);
    expect(did.environment).toBe('HOME LC_ALL PATH PYTHONDONTWRITEBYTECODE PYTHONNOUSERSITE YTDLP_NO_PLUGINS no_proxy');
    expect(JSON.stringify(did)).not.toMatch(/secret/);
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith('streampool-'))).toEqual([]);
    expect(worker.output).not.toMatch(/page-secret|cookie-secret/);
  });
});
