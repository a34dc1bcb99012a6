/** The filters of filter-table.ts with the types of their options, by name or place. */

import { typeOf, type ValueType } from '../values/value-types.ts';
import { FILTER_TABLE } from './filter-table.ts';

export interface FilterType {
  readonly options: ReadonlyMap<string, ValueType>;
  /** Names of the options that need no name, in order. */
  readonly unnamed: readonly string[];
}

export const FILTERS: ReadonlyMap<string, FilterType> = new Map(
  FILTER_TABLE.trim()
    .split('\n')
    .map((line): [string, FilterType] => {
      const [name = '', ...words] = line.split(' ');
      const star = words.indexOf('*');
      const options = words.filter((word) => word !== '*').map(readOption);
      const unnamed = options.slice(0, star < 0 ? options.length : star).map(([option]) => option);
      return [name, { options: new Map(options), unnamed }];
    }),
);

function readOption(word: string): [string, ValueType] {
  const at = word.indexOf(':');
  return [word.slice(0, at), typeOf(word.slice(at + 1))];
}
