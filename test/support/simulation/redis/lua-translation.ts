/**
 * Translates Lua to JavaScript, as far as the scripts of the registry need it, so that a simulation runs the scripts themselves at
 * the speed of JavaScript. Anything that it does not know is an error when the script is defined. A statement stays on its line.
 */

import luaparse, {
  type AssignmentStatement,
  type Expression,
  type ForGenericStatement,
  type ForNumericStatement,
  type FunctionDeclaration,
  type Identifier,
  type IfStatement,
  type LocalStatement,
  type Statement,
} from 'luaparse';
import { givesSeveral, LuaExpressions } from './lua-expressions.ts';
import { LuaNames } from './lua-names.ts';
import type { Lua } from './lua-values.ts';

/** A script in JavaScript. */
export interface Translation {
  /** Its outermost functions, which need to be made only once. */
  readonly functions: string;
  /** The names of its other outermost variables, which the functions may use. */
  readonly variables: readonly string[];
  /** What it does in each run. */
  readonly code: string;
  /** Functions of the library that the code calls L[0], L[1], … */
  readonly library: readonly Lua[];
}

export function translated(lua: string): Translation {
  const translator = new Translator();
  translator.block(luaparse.parse(lua, { luaVersion: '5.1', locations: true, encodingMode: 'x-user-defined' }).body);
  const { functions, variables, code, library } = translator;
  return { functions, variables, code, library };
}

class Translator {
  readonly #names = new LuaNames();
  readonly #expressions = new LuaExpressions(this.#names);
  readonly variables: string[] = [];
  readonly #functions: string[] = [''];
  readonly #code: string[] = [''];
  /** The lines that are being written. */
  #lines = this.#code;

  get code(): string {
    return this.#code.join('\n');
  }

  get functions(): string {
    return this.#functions.join('\n');
  }

  /** See Translation. */
  get library(): readonly Lua[] {
    return this.#names.library;
  }

  block(body: readonly Statement[], names: readonly (readonly [Identifier, string])[] = []): void {
    this.#names.enter(names);
    for (const statement of body) {
      for (let line = statement.loc?.start.line ?? 0; this.#lines.length < line; ) this.#lines.push('');
      this.#statement(statement);
    }
    this.#names.leave();
  }

  #write(code: string): void {
    this.#lines.push(`${this.#lines.pop()}${code}`);
  }

  #statement(statement: Statement): void {
    switch (statement.type) {
      case 'LocalStatement':
        this.#local(statement);
        break;
      case 'AssignmentStatement':
        this.#assignment(statement);
        break;
      case 'CallStatement':
        this.#write(`${this.#expressions.several(statement.expression)};`);
        break;
      case 'FunctionDeclaration':
        this.#function(statement);
        break;
      case 'IfStatement':
        this.#if(statement);
        break;
      case 'WhileStatement':
        this.#write(`while (${this.#expressions.condition(statement.condition)}) {`);
        this.block(statement.body);
        this.#write('}');
        break;
      case 'ForNumericStatement':
        this.#count(statement);
        break;
      case 'ForGenericStatement':
        this.#forEach(statement);
        break;
      case 'DoStatement':
        this.#write('{');
        this.block(statement.body);
        this.#write('}');
        break;
      case 'ReturnStatement':
        this.#write(`return ${this.#expressions.results(statement.arguments)};`);
        break;
      case 'BreakStatement':
        this.#write('break;');
        break;
      default:
        throw new Error(`The translation does not know a ${statement.type}.`);
    }
  }

  #local({ variables, init }: LocalStatement): void {
    // The values do not see the names that are declared here.
    const values = this.#values(init, variables.length);
    const names = variables.map((variable) => this.#names.declare(variable));
    if (this.#names.isOutermost) this.variables.push(...names);
    const start = this.#names.isOutermost ? ';' : 'let ';
    if (typeof values === 'string') this.#write(`${start}[${names.join(', ')}] = all(${values});`);
    else this.#write(`${start}${names.map((name, at) => `${name} = ${values[at] ?? 'undefined'}`).join(', ')};`);
  }

  #assignment({ variables, init }: AssignmentStatement): void {
    const values = this.#values(init, variables.length);
    const [only] = variables;
    if (variables.length === 1 && only !== undefined && typeof values !== 'string') {
      this.#write(`${assigned(this.#target(only), values[0] ?? 'undefined')};`);
      return;
    }
    // Also what says where the values go is read before the first of them is there.
    const targets = variables.map((variable): Target => {
      const target = this.#target(variable);
      if (target.key === undefined) return target;
      const [base, key] = [this.#names.fresh('table'), this.#names.fresh('key')];
      this.#write(`const ${base} = ${target.base}, ${key} = ${target.key};`);
      return { base, key };
    });
    const news = variables.map(() => this.#names.fresh('value'));
    const right = typeof values === 'string' ? `all(${values})` : `[${values.join(', ')}]`;
    this.#write(`const [${news.join(', ')}] = ${right};`);
    for (const [at, target] of targets.entries()) this.#write(`${assigned(target, news[at] ?? '')};`);
  }

  #target(variable: AssignmentStatement['variables'][number]): Target {
    if (variable.type === 'Identifier') return { base: this.#names.known(variable.name) };
    const key =
      variable.type === 'MemberExpression'
        ? JSON.stringify(variable.identifier.name)
        : this.#expressions.one(variable.index);
    return { base: this.#expressions.one(variable.base), key };
  }

  /** Exactly as many values as are wanted, or one expression that gives several. */
  #values(init: readonly Expression[], wanted: number): string | string[] {
    const last = init.at(-1);
    if (last !== undefined && givesSeveral(last) && init.length < wanted) {
      if (init.length > 1) throw new Error('The translation does not know values before a call with several results.');
      return this.#expressions.several(last);
    }
    return init.map((each) => this.#expressions.one(each));
  }

  #function({ identifier, parameters, body, isLocal }: FunctionDeclaration): void {
    if (identifier?.type !== 'Identifier' || !isLocal) throw new Error('The translation knows only local functions.');
    const name = this.#names.declare(identifier);
    const names: (readonly [Identifier, string])[] = [];
    const written = parameters.map((parameter) => {
      if (parameter.type === 'VarargLiteral') return '...rest';
      const js = this.#names.fresh(parameter.name);
      names.push([parameter, js]);
      return js;
    });
    const lines = this.#lines;
    if (this.#names.isOutermost) {
      this.#lines = this.#functions;
      while (this.#lines.length < lines.length) this.#lines.push('');
    }
    this.#write(`const ${name} = (${written.join(', ')}) => {`);
    this.block(body, names);
    this.#write('};');
    this.#lines = lines;
  }

  #if({ clauses }: IfStatement): void {
    for (const [at, clause] of clauses.entries()) {
      if (at > 0) this.#write('else ');
      if (clause.type !== 'ElseClause') this.#write(`if (${this.#expressions.condition(clause.condition)})`);
      this.#write('{');
      this.block(clause.body);
      this.#write('}');
    }
  }

  #count({ variable, start, end, step, body }: ForNumericStatement): void {
    if (step?.type === 'UnaryExpression') throw new Error('The translation knows no loop that counts down.');
    const by = step === null ? '1' : this.#expressions.number(step);
    const [from, to] = [this.#expressions.number(start), this.#expressions.number(end)];
    const [name, limit] = [this.#names.fresh(variable.name), this.#names.fresh('limit')];
    this.#write(`for (let ${name} = ${from}, ${limit} = ${to}; ${name} <= ${limit}; ${name} += ${by}) {`);
    this.block(body, [[variable, name]]);
    this.#write('}');
  }

  #forEach({ variables, iterators, body }: ForGenericStatement): void {
    const [iterator] = iterators;
    const kind = iterator?.type === 'CallExpression' && iterator.base.type === 'Identifier' && iterator.base.name;
    const over = iterator?.type === 'CallExpression' ? iterator.arguments[0] : undefined;
    if (over === undefined || (kind !== 'ipairs' && kind !== 'pairs')) {
      throw new Error('The translation knows only loops over ipairs() and pairs().');
    }
    const names = variables.map((variable) => [variable, this.#names.fresh(variable.name)] as const);
    const [[, key] = ['', this.#names.fresh('key')], [, value] = ['', this.#names.fresh('each')]] = names;
    if (kind === 'pairs') {
      this.#write(`for (let [${key}, ${value}] of tableIn(${this.#expressions.one(over)}).entries()) {`);
    } else {
      const list = this.#names.fresh('list');
      this.#write(`const ${list} = tableIn(${this.#expressions.one(over)}).list;`);
      this.#write(`for (let ${key} = 1; ${key} <= ${list}.length; ${key}++) { let ${value} = ${list}[${key} - 1];`);
    }
    this.block(body, names);
    this.#write('}');
  }
}

/** Where a value goes: into a variable, or to a key of a table. */
interface Target {
  readonly base: string;
  readonly key?: string;
}

function assigned({ base, key }: Target, value: string): string {
  return key === undefined ? `${base} = ${value}` : `setIndex(${base}, ${key}, ${value})`;
}
