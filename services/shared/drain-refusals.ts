/** Why a worker is not told to drain, or to take viewers again: the same sentences in every API. */

/** Answers of the registry. */
export type DrainRefusal = 'last' | 'deployment' | 'stopping';

export function refusalText(workerId: string, refusal: DrainRefusal): string {
  switch (refusal) {
    case 'last':
      return `Worker ${workerId} is the last one that takes viewers. Start another worker first, or drain it with force=true.`;
    case 'deployment':
      return `Worker ${workerId} leaves because ECS wants another deployment. It takes viewers again when ECS wants its own.`;
    case 'stopping':
      return `Worker ${workerId} is stopping, so it cannot take viewers again.`;
  }
}
