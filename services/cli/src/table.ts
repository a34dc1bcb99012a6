/** Rows as columns of text. Pure. */

import { showControls } from '../../shared/shown-text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
}

/** Longer texts are cut. */
const MAX_CHARACTERS = 40;

/** Lines of equal columns: numbers at the right, with the titles first. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = columns.map(({ title, of }) => {
    const values = rows.map(of);
    const texts = [title, ...values.map(cell)];
    const width = Math.max(...texts.map((text) => [...text].length));
    const isNumber = values.some((value) => typeof value === 'number');
    return texts.map((text) => {
      const space = ' '.repeat(width - [...text].length);
      return isNumber ? `${space}${text}` : `${text}${space}`;
    });
  });
  return ['', ...rows].map((_, at) =>
    cells
      .map((column) => column[at])
      .join('  ')
      .trimEnd(),
  );
}

function cell(value: string | number | undefined): string {
  const characters = [...showControls(String(value ?? '-'))];
  return characters.length <= MAX_CHARACTERS
    ? characters.join('')
    : `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…`;
}
