/** What has changed in a state, as a JSON merge patch (RFC 7396): the worker makes them, a page applies them. Pure. */

/** Plain JSON without null: a patch says with null that a field is gone. */
export type State = { readonly [name: string]: Value | undefined };
export type Value = string | number | boolean | readonly Value[] | State;

/** As a state, with null where a field is gone. */
export type Patch = { readonly [name: string]: Value | Patch | null | undefined };

/**
 * What makes `after` of `before`. Lists are replaced as a whole.
 *
 * @returns undefined when nothing has changed
 * @example patchBetween({ a: 1, b: { c: 1 } }, { b: { c: 2 } }) // { a: null, b: { c: 2 } }
 */
export function patchBetween(before: State, after: State): Patch | undefined {
  const patch: Record<string, Patch | Value | null> = {};
  for (const name of Object.keys(before)) {
    if (before[name] !== undefined && after[name] === undefined) patch[name] = null;
  }
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (value === undefined) continue;
    if (isTree(value) && isTree(old)) {
      const inner = patchBetween(old, value);
      if (inner !== undefined) patch[name] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(old)) patch[name] = value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** A copy of the state with a patch applied. What has not changed stays the same object. */
export function patched<S extends State>(state: S, patch: Patch): S {
  return applied(state, patch) as S;
}

function applied(state: State, patch: Patch): State {
  const next: Record<string, Value | undefined> = { ...state };
  for (const [name, value] of Object.entries(patch)) {
    const old = next[name];
    if (value === null) delete next[name];
    else if (isTree(value)) next[name] = applied(isTree(old) ? old : {}, value);
    else next[name] = value;
  }
  return next;
}

function isTree<T>(value: T | readonly Value[]): value is Extract<T, object> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
