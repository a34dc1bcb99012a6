/** The names of one script while it is translated: which JavaScript name each Lua name has, and what it uses of the library. */

import type { Identifier } from 'luaparse';
import { LIBRARY } from './lua-library.ts';
import type { Lua } from './lua-values.ts';

export class LuaNames {
  /** Functions of the library that the code calls L[0], L[1], … */
  readonly library: Lua[] = [];
  readonly #scopes: Map<string, string>[] = [];
  #fresh = 0;

  get isOutermost(): boolean {
    return this.#scopes.length === 1;
  }

  enter(names: readonly (readonly [Identifier, string])[] = []): void {
    this.#scopes.push(new Map(names.map(([{ name }, js]) => [name, js])));
  }

  leave(): void {
    this.#scopes.pop();
  }

  /** What a name is in JavaScript. */
  known(name: string): string {
    const found = this.find(name);
    if (found !== undefined) return found;
    if (name === 'ARGV') return name;
    if (!(name in LIBRARY)) throw new Error(`The translation does not know ${name}.`);
    return this.inLibrary(LIBRARY[name]);
  }

  /** The same of a variable; undefined when the script has declared no such one. */
  find(name: string): string | undefined {
    for (let at = this.#scopes.length - 1; at >= 0; at--) {
      const found = this.#scopes[at]?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  inLibrary(value: Lua): string {
    const at = this.library.indexOf(value);
    return `L[${at >= 0 ? at : this.library.push(value) - 1}]`;
  }

  declare(identifier: Identifier): string {
    const js = this.fresh(identifier.name);
    this.#scopes.at(-1)?.set(identifier.name, js);
    return js;
  }

  /** A name of its own: Lua may declare one name twice in a block. */
  fresh(name: string): string {
    return `${name}$${this.#fresh++}`;
  }
}
