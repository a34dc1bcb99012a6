/** Translates expressions of Lua to JavaScript; each becomes text of one. */

import type {
  BinaryExpression,
  CallExpression,
  Expression,
  FunctionDeclaration,
  LogicalExpression,
  MemberExpression,
  TableConstructorExpression,
  UnaryExpression,
} from 'luaparse';
import { LIBRARY } from './lua-library.ts';
import type { LuaNames } from './lua-names.ts';
import { LuaTable } from './lua-values.ts';

const COMPARISONS = new Set(['==', '~=', '<', '<=', '>', '>=']);

export function givesSeveral({ type }: Expression): boolean {
  return type === 'CallExpression' || type === 'VarargLiteral';
}

export class LuaExpressions {
  readonly #names: LuaNames;

  constructor(names: LuaNames) {
    this.#names = names;
  }

  /** What a function returns. */
  results(values: readonly Expression[]): string {
    const [only] = values;
    if (only === undefined) return 'undefined';
    if (values.length === 1) return this.several(only);
    return `new Many([${this.list(values)}])`;
  }

  /** Values for a list; the last one may give several. */
  list(values: readonly Expression[]): string {
    return values
      .map((each, at) =>
        at === values.length - 1 && givesSeveral(each) ? `...all(${this.several(each)})` : this.one(each),
      )
      .join(', ');
  }

  /** An expression whose further results count too. */
  several(expression: Expression): string {
    if (expression.type === 'VarargLiteral') return 'new Many(rest)';
    return expression.type === 'CallExpression' ? this.#call(expression) : this.one(expression);
  }

  one(expression: Expression): string {
    switch (expression.type) {
      case 'NilLiteral':
        return 'undefined';
      case 'BooleanLiteral':
        return String(expression.value);
      case 'NumericLiteral':
        return String(expression.value);
      case 'StringLiteral':
        return JSON.stringify(expression.value);
      case 'VarargLiteral':
        return 'rest[0]';
      case 'Identifier':
        return this.#names.known(expression.name);
      case 'MemberExpression':
        return (
          this.#inLibrary(expression) ??
          `index(${this.one(expression.base)}, ${JSON.stringify(expression.identifier.name)})`
        );
      case 'IndexExpression':
        return `index(${this.one(expression.base)}, ${this.one(expression.index)})`;
      case 'CallExpression':
        return `first(${this.#call(expression)})`;
      case 'LogicalExpression':
        return this.#logical(expression);
      case 'BinaryExpression':
        return this.#binary(expression);
      case 'UnaryExpression':
        return this.#unary(expression);
      case 'TableConstructorExpression':
        return this.#table(expression);
      case 'FunctionDeclaration':
        return this.#anonymous(expression);
      default:
        throw new Error(`The translation does not know a ${expression.type}.`);
    }
  }

  #anonymous({ parameters, body }: FunctionDeclaration): string {
    const [statement] = body;
    if (body.length !== 1 || statement?.type !== 'ReturnStatement') {
      throw new Error('The translation knows only functions without a name that return something at once.');
    }
    const names = parameters.map((parameter) => {
      if (parameter.type === 'VarargLiteral') throw new Error('The translation knows no ... here.');
      return [parameter, this.#names.fresh(parameter.name)] as const;
    });
    this.#names.enter(names);
    const code = `((${names.map(([, js]) => js).join(', ')}) => ${this.results(statement.arguments)})`;
    this.#names.leave();
    return code;
  }

  #call({ base, arguments: args }: CallExpression): string {
    if (base.type === 'MemberExpression' && this.#isOfRun(base.base)) {
      return this.#redis(base.identifier.name, args);
    }
    return `${this.one(base)}(${this.list(args)})`;
  }

  /** A call of Redis. */
  #redis(name: string, args: readonly Expression[]): string {
    if (name === 'sha1hex') return `sha1hex(${this.list(args)})`;
    const [command, ...rest] = args;
    if (command?.type !== 'StringLiteral')
      throw new Error('The translation knows only commands that are named where they are called.');
    const texts = rest.map((each, at) => {
      if (at === rest.length - 1 && givesSeveral(each)) return `...all(${this.several(each)}).map(argument)`;
      return each.type === 'StringLiteral' ? JSON.stringify(each.value) : `argument(${this.one(each)})`;
    });
    const call = `luaOf(commands.${command.value}(${texts.join(', ')}))`;
    if (name === 'call') return call;
    if (name === 'pcall') return `orError(() => ${call})`;
    throw new Error(`The translation does not know redis.${name}.`);
  }

  #isOfRun(base: Expression): boolean {
    return base.type === 'Identifier' && base.name === 'redis' && this.#names.find(base.name) === undefined;
  }

  /** A member of the library, which does not change. */
  #inLibrary({ base, identifier }: MemberExpression): string | undefined {
    if (base.type !== 'Identifier' || this.#names.find(base.name) !== undefined) return undefined;
    const table = LIBRARY[base.name];
    if (!(table instanceof LuaTable)) return undefined;
    const member = table.get(identifier.name);
    if (member === undefined) throw new Error(`The translation does not know ${base.name}.${identifier.name}.`);
    return this.#names.inLibrary(member);
  }

  #logical({ operator, left, right }: LogicalExpression): string {
    const value = `(isTrue(it = ${this.one(left)})`;
    // `it` is shared by all expressions, so it is read before the right side can change it.
    return operator === 'and' ? `${value} ? ${this.one(right)} : it)` : `${value} ? it : ${this.one(right)})`;
  }

  condition(expression: Expression): string {
    if (expression.type === 'LogicalExpression') {
      const operator = expression.operator === 'and' ? '&&' : '||';
      return `(${this.condition(expression.left)} ${operator} ${this.condition(expression.right)})`;
    }
    if (expression.type === 'UnaryExpression' && expression.operator === 'not')
      return `!${this.condition(expression.argument)}`;
    if (expression.type === 'BinaryExpression' && COMPARISONS.has(expression.operator)) return this.#binary(expression);
    return `isTrue(${this.one(expression)})`;
  }

  #binary({ operator, left, right }: BinaryExpression): string {
    const [a, b] = [left, right];
    switch (operator) {
      case '==':
        return `(${this.one(a)} === ${this.one(b)})`;
      case '~=':
        return `(${this.one(a)} !== ${this.one(b)})`;
      case '<':
        return `isLess(${this.one(a)}, ${this.one(b)})`;
      case '<=':
        return `isAtMost(${this.one(a)}, ${this.one(b)})`;
      case '>':
        return `isLess(${this.one(b)}, ${this.one(a)})`;
      case '>=':
        return `isAtMost(${this.one(b)}, ${this.one(a)})`;
      case '..':
        return `(${this.#text(a)} + ${this.#text(b)})`;
      case '^':
        return `(${this.number(a)} ** ${this.number(b)})`;
      case '+':
      case '-':
      case '*':
      case '/':
        return `(${this.number(a)} ${operator} ${this.number(b)})`;
      default:
        throw new Error(`The translation does not know the operator ${operator}.`);
    }
  }

  #unary({ operator, argument }: UnaryExpression): string {
    if (operator === 'not') return `!${this.condition(argument)}`;
    if (operator === '#') return `lengthOf(${this.one(argument)})`;
    return `(-${this.number(argument)})`;
  }

  #table({ fields }: TableConstructorExpression): string {
    if (fields.length === 0) return 'new LuaTable()';
    const values: Expression[] = [];
    const pairs: string[] = [];
    for (const field of fields) {
      if (field.type === 'TableValue') values.push(field.value);
      else if (field.type === 'TableKeyString')
        pairs.push(`${JSON.stringify(field.key.name)}, ${this.one(field.value)}`);
      else pairs.push(`${this.one(field.key)}, ${this.one(field.value)}`);
    }
    return `tableOf([${this.list(values)}], [${pairs.join(', ')}])`;
  }

  number(expression: Expression): string {
    return expression.type === 'NumericLiteral' ? String(expression.value) : `arithmetic(${this.one(expression)})`;
  }

  #text(expression: Expression): string {
    if (expression.type === 'StringLiteral') return JSON.stringify(expression.value);
    if (expression.type === 'BinaryExpression' && expression.operator === '..') return this.#binary(expression);
    return `textOf(${this.one(expression)})`;
  }
}
