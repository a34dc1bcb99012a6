/** What the compose test takes back of a Docker engine's firewall rules. */
import { expect, it } from 'vitest';
import { undo } from '../../compose/support/firewall.ts';

const BEFORE = ['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-N OURS', '-A FORWARD -j OURS'];
const ADDED = [
  '-N DOCKER',
  '-N DOCKER-USER',
  '-A FORWARD -j DOCKER-USER',
  '-A FORWARD -o docker0 -j DOCKER',
  '-A FORWARD -i br-5bc90291d086 -o br-5bc90291d086 -j ACCEPT',
  '-A DOCKER -i docker0 -j RETURN',
  '-A DOCKER-USER -j RETURN',
];

it('takes back policies, rules and chains, in this order', () => {
  expect(undo(BEFORE, ['-P INPUT ACCEPT', '-P FORWARD DROP', ...BEFORE.slice(2), ...ADDED])).toEqual([
    ['-P', 'FORWARD', 'ACCEPT'],
    ['-D', 'FORWARD', '-j', 'DOCKER-USER'],
    ['-D', 'FORWARD', '-o', 'docker0', '-j', 'DOCKER'],
    ['-D', 'FORWARD', '-i', 'br-5bc90291d086', '-o', 'br-5bc90291d086', '-j', 'ACCEPT'],
    ['-F', 'DOCKER'],
    ['-F', 'DOCKER-USER'],
    ['-X', 'DOCKER'],
    ['-X', 'DOCKER-USER'],
  ]);
});

it('leaves what others have added, and what was there', () => {
  expect(undo([...BEFORE, ...ADDED], [...BEFORE, ...ADDED, '-N THEIRS', '-A FORWARD -j THEIRS'])).toEqual([]);
});

it('has nothing to do when nothing was added', () => {
  expect(undo(BEFORE, BEFORE)).toEqual([]);
});
