/** Finds the credentials in a URL's path, however the path is spelled. Pure. */

import { decoded } from './decoded.ts';
import { type MaskText, maskParameters } from './parameters.ts';
import { ACCOUNT_FOLLOWS, HIDDEN, isGenerated } from './what-is-masked.ts';

interface Step {
  readonly shown: string;
  readonly plain: string;
}

/** The text between two slashes, and the steps in it between encoded slashes: those may end a step or be part of a password. */
interface Part extends Step {
  readonly steps: readonly Step[];
}

/** @example maskPath('/live%2fjoe/s3cret/7.ts;password=x', maskText) // '/live/***\/***\/7.ts;password=***' */
export function maskPath(path: string, maskText: MaskText): string {
  const parts = partsOf(path);
  const isSecret = secretsAmong(parts);
  const last = parts.at(-1);
  return parts
    .map((part) => {
      if (part.plain !== '' && isSecret(part)) return HIDDEN;
      // The value of a parameter may contain a slash.
      const parameters = part.shown.includes('=') ? maskParameters(part.shown, maskText) : part.shown;
      if (parameters !== part.shown) return parameters;
      return part.steps
        .map((step) =>
          isSecret(step) ? HIDDEN : maskStep(step, part === last && step === part.steps.at(-1), maskText),
        )
        .join('/');
    })
    .join('/');
}

/** The credentials in a path, as written and decoded. */
export function secretsOfPath(path: string): string[] {
  const parts = partsOf(path);
  const isSecret = secretsAmong(parts);
  const secret = [...parts, ...parts.flatMap(({ steps }) => steps)].filter(
    (step) => step.plain !== '' && (isSecret(step) || isGenerated(step.plain)),
  );
  return secret.flatMap(({ shown, plain }) => [shown, plain]);
}

function secretsAmong(parts: readonly Part[]): (step: Step) => boolean {
  const account = new Set([...accountOf(parts), ...accountOf(parts.flatMap(({ steps }) => steps))]);
  // A slash after one of them may belong to the password.
  for (const { steps } of parts) {
    const first = steps.findIndex((step) => account.has(step));
    if (first >= 0) for (const step of steps.slice(first)) account.add(step);
  }
  // A step with an @ contains an account here, too.
  return (step) => account.has(step) || step.plain.includes('@');
}

function partsOf(path: string): Part[] {
  return path.split('/').map((shown) => {
    const plain = decoded(shown);
    const steps = plain.split(/[/\\]/).map((step) => ({ shown: encodeURIComponent(step), plain: step }));
    return { shown, plain, steps: steps.length > 1 ? steps : [{ shown, plain }] };
  });
}

/** The user names and passwords among the steps: recognised by the step before them or the number after them. */
function accountOf(steps: readonly Step[]): Set<Step> {
  const named = steps.filter(({ plain }) => plain !== '');
  const names = named.map(({ plain }) => plain.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  const last = names.length - 1;
  const found = new Set<Step>();
  names.forEach((name, index) => {
    const count = ACCOUNT_FOLLOWS[name] ?? 0;
    // The name of what is played comes after them. If there is only a file name, they are no account: /live/news/index.m3u8.
    const isWhole = index + count < last || (index + count === last && !/\.\w{1,5}$/.test(names[last] ?? ''));
    if (count > 0 && isWhole) for (const step of named.slice(index + 1, index + 1 + count)) found.add(step);
  });
  // /user/password/123 and /user/password/123.ts, also below a prefix.
  if (found.size === 0 && last >= 2 && /^\d+(?:\.\w+)?$/.test(names[last] ?? '')) {
    for (const step of named.slice(last - 2, last)) found.add(step);
  }
  return found;
}

function maskStep({ shown, plain }: Step, isLast: boolean, maskText: MaskText): string {
  if (plain === HIDDEN) return HIDDEN;
  if (!isGenerated(plain)) return maskParameters(shown, maskText);
  // The extension tells the format.
  return `${HIDDEN}${isLast ? (/\.\w{1,5}$/.exec(plain)?.[0] ?? '') : ''}`;
}
