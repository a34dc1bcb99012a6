/** Cookies files are read below COOKIES_DIR and nowhere else, whatever a path or a link says. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkedCookies, readCookiesFile } from '../../../services/proxy/src/page-resolvers/cookies-file.ts';

const COOKIES =
  '# Netscape HTTP Cookie File\n\n.tv.test\tTRUE\t/\tTRUE\t1800000000\tid\tsecret\n#HttpOnly_tv.test\tFALSE\t/\tFALSE\t0\ta\t\n';

async function folders() {
  const root = await mkdtemp(join(tmpdir(), 'cookies-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const inside = join(root, 'cookies');
  await mkdir(join(inside, 'deep'), { recursive: true });
  await mkdir(join(root, 'cookies-of-others'));
  await writeFile(join(inside, 'deep', 'a.txt'), COOKIES);
  await writeFile(join(root, 'outside.txt'), COOKIES);
  await writeFile(join(root, 'cookies-of-others', 'a.txt'), COOKIES);
  return { root, inside };
}

describe('a cookies file', () => {
  it('is read by its whole path, by its path below the folder, and by a link inside', async () => {
    const { inside } = await folders();
    await symlink(join(inside, 'deep', 'a.txt'), join(inside, 'link.txt'));
    for (const path of [join(inside, 'deep', 'a.txt'), 'deep/a.txt', 'deep/../deep/a.txt', 'link.txt']) {
      expect(await readCookiesFile(inside, path)).toBe(COOKIES);
    }
  });

  it('is read where COOKIES_DIR itself is a link', async () => {
    const { root, inside } = await folders();
    await symlink(inside, join(root, 'way'));
    expect(await readCookiesFile(join(root, 'way'), join(root, 'way', 'deep', 'a.txt'))).toBe(COOKIES);
  });

  it('is refused outside, in every spelling, and says nothing of what is there', async () => {
    const { root, inside } = await folders();
    await symlink(join(root, 'outside.txt'), join(inside, 'leads-out.txt'));
    await symlink(root, join(inside, 'up'));
    const outside = [
      join(root, 'outside.txt'),
      join(root, 'missing.txt'),
      '../outside.txt',
      'deep/../../outside.txt',
      `${inside}/../outside.txt`,
      join(root, 'cookies-of-others', 'a.txt'),
      '/etc/passwd',
      '/proc/self/environ',
      '/dev/zero',
      'leads-out.txt',
      'up/outside.txt',
      'up/cookies-of-others/a.txt',
      '.',
      inside,
    ];
    for (const path of outside) await expect(readCookiesFile(inside, path), path).rejects.toThrow(/lies outside/);
  });

  it('is refused when it is not a file, not there, or not a cookies file', async () => {
    const { inside } = await folders();
    await writeFile(join(inside, 'page.html'), '<html>secret</html>');
    await expect(readCookiesFile(inside, 'deep')).rejects.toThrow(/not a file/);
    await expect(readCookiesFile(inside, 'deep/b.txt')).rejects.toThrow(/no such file/);
    await expect(readCookiesFile(inside, 'page.html')).rejects.toThrow(/line 1 is not in Netscape's format/);
    await expect(readCookiesFile(inside, '')).rejects.toThrow(/empty/);
    await expect(readCookiesFile(inside, 'deep/a.txt\0.html')).rejects.toThrow(/zero byte/);
    await expect(readCookiesFile(join(inside, 'nowhere'), 'a')).rejects.toThrow(/does not exist/);
    await expect(readCookiesFile(undefined, join(inside, 'deep', 'a.txt'))).rejects.toThrow(/COOKIES_DIR/);
  });
});

it.each([
  ['', /no cookie/],
  ['# a comment\n', /no cookie/],
  ['a=1; b=2', /line 1/],
  ['.tv.test\tTRUE\t/\tTRUE\tsoon\tid\tsecret', /line 1/],
  ['.tv.test\tmaybe\t/\tTRUE\t0\tid\tsecret', /line 1/],
  [`${COOKIES}.tv.test TRUE / TRUE 0 id secret`, /line 5/],
])('the text %j is refused and not shown', (text, message) => {
  expect(() => checkedCookies(text)).toThrow(message);
  expect(() => checkedCookies(text)).not.toThrow('secret');
});
