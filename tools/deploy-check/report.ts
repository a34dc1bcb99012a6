/** The verdict in words: what AWS would refuse, and what to do about it. */

import type { Verdict } from './check.ts';

/** @param region where the account was asked */
export function report({ deployed, refusals }: Verdict, region: string): string {
  if (deployed.length === 0) return `Nothing of this stage is deployed in ${region}, so nothing stands in its way.\n`;
  if (refusals.length === 0) {
    return `Nothing stands in the way. In ${region} are ${deployed.join(', ')}; each can become what the stage says.\n`;
  }
  const ways = [...new Set(refusals.map(({ whatToDo }) => whatToDo))];
  const paragraphs = ways.map((way) => {
    const reasons = refusals.filter(({ whatToDo }) => whatToDo === way);
    return [...reasons.map(({ stack, says }) => `  ${stack}: ${says}`), `What to do: ${way}`].join('\n');
  });
  return `AWS would refuse this deployment, or cut viewers off:\n${paragraphs.join('\n\n')}\n`;
}
