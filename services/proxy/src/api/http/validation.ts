/** Checks requests with zod, and reports errors the way m3u-proxy's clients expect: as an array of details. */

import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { maskFields } from '../../../../shared/masking/fields.ts';

/** One entry of a 422 answer. */
export interface InvalidDetail {
  readonly type: string;
  /** `body`, `query` or `path`, then the path of the field. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** A request that does not match its schema. */
export class InvalidRequest extends Error {
  readonly statusCode = 422;
  readonly details: readonly InvalidDetail[];

  constructor(details: readonly InvalidDetail[]) {
    super('The request is not valid.');
    this.name = 'InvalidRequest';
    this.details = details;
  }
}

/** @throws {InvalidRequest} 422 naming what is missing in the query */
export function assertGiven<Query extends object>(query: Query, names: readonly (keyof Query & string)[]): void {
  const missing = names.filter((name) => query[name] === undefined);
  if (missing.length === 0) return;
  throw new InvalidRequest(
    missing.map((name) => ({ type: 'missing', loc: ['query', name], msg: 'Field required', input: null })),
  );
}

const PARTS: Readonly<Record<string, string>> = { querystring: 'query', params: 'path', headers: 'header' };

/** More details help nobody, and 90,000 of them are megabytes. */
const SHOWN_DETAILS = 20;

/** Longer input is not repeated in the answer. */
const SHOWN_INPUT_CHARACTERS = 500;

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart = 'body' }) => {
  const part = PARTS[httpPart] ?? httpPart;
  return (value: unknown) => {
    const result = schema.safeParse(value);
    if (result.success) return { value: result.data };
    return { error: new InvalidRequest(detailsOf(result.error.issues, part, value)) };
  };
};

function detailsOf(issues: readonly z.core.$ZodIssue[], part: string, value: unknown): InvalidDetail[] {
  const shown = issues.slice(0, SHOWN_DETAILS).map((issue) => detailOf(issue, part, value));
  const left = issues.length - shown.length;
  if (left === 0) return shown;
  return [...shown, { type: 'too_many_errors', loc: [part], msg: `${left} more errors are not shown`, input: null }];
}

function detailOf(issue: z.core.$ZodIssue, part: string, value: unknown): InvalidDetail {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const input = at(value, path);
  // Fastify passes null when there is no body.
  const missing = issue.code === 'invalid_type' && (input === undefined || (path.length === 0 && input === null));
  return {
    type: missing ? 'missing' : typeOf(issue),
    loc: [part, ...path],
    msg: missing ? 'Field required' : issue.message,
    input: shortened(input),
  };
}

function typeOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.expected}_type`;
    case 'too_small':
      return `${issue.origin}_too_short`;
    case 'too_big':
      return `${issue.origin}_too_long`;
    case 'custom':
      return 'value_error';
    default:
      return issue.code;
  }
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
}

function shortened(input: unknown): unknown {
  if (input === undefined) return null;
  return JSON.stringify(input).length > SHOWN_INPUT_CHARACTERS ? '(too long to be shown)' : maskFields(input);
}
