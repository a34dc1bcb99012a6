/** One route of the admin API, with everything that its router, its index and the OpenAPI document say of it. */

import type { z } from 'zod';
import type { AdminDeps } from '../deps.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

/** The names in a path: `/admin/streams/{id}` → `{ id: string }`. */
export type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Readonly<Record<Name, string>> & ParamsOf<Rest>
  : Readonly<Record<never, string>>;

export interface Call<Params, Input> {
  readonly params: Params;
  readonly input: Input;
}

interface Description {
  readonly method: Method;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** From the query string; a POST takes the same names from a JSON body too. Unknown names are refused. */
  readonly input: z.ZodObject;
  /** The status of an answer that is no error. */
  readonly status: 200 | 202;
  readonly answer: z.ZodType;
  /** Statuses of its own, beside those that every route has: when each comes. */
  readonly refusals: Readonly<Record<number, string>>;
}

export interface Route extends Description {
  readonly path: string;
  run(call: Call<Readonly<Record<string, string>>, unknown>, deps: AdminDeps): Promise<unknown>;
}

/**
 * Declares a route; the types of its parameters, input and answer come from the path and the schemas.
 *
 * @example route({ method: 'GET', path: '/admin/streams/{id}', answer: streamAnswer, …, run: async ({ params }) => … })
 */
export function route<const Path extends `/admin${string}`, Input extends z.ZodObject, Answer extends z.ZodType>(
  definition: Omit<Description, 'input' | 'answer' | 'status' | 'refusals'> & {
    readonly path: Path;
    readonly input: Input;
    readonly answer: Answer;
    readonly status?: 200 | 202;
    readonly refusals?: Readonly<Record<number, string>>;
    run(call: Call<ParamsOf<Path>, z.output<Input>>, deps: AdminDeps): Promise<z.input<Answer>>;
  },
): Route {
  return { status: 200, refusals: {}, ...definition };
}
