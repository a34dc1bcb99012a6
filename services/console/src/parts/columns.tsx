/** The head of a table: its columns in one place, so that a page says only which ones it has. */

type Look = 'number' | 'wide' | 'number wide';

interface ColumnsProps<W> {
  /** The name of each column. What it means stands beside it, under its key and `Title`. */
  readonly words: W;
  /** Their keys, in order, and how they look. `wide` ones are left out on a narrow screen. */
  readonly columns: readonly (readonly [key: keyof W & string, look?: Look])[];
  /** What the buttons in the last column do. It needs no heading for the eye. */
  readonly action?: string;
}

export function Columns<W extends Readonly<Record<string, string>>>({ words, columns, action }: ColumnsProps<W>) {
  return (
    <thead>
      <tr>
        {columns.map(([key, look]) => (
          <th key={key} scope="col" class={look} title={words[`${key}Title`]}>
            {words[key]}
          </th>
        ))}
        {action !== undefined && (
          <th scope="col">
            <span class="unseen">{action}</span>
          </th>
        )}
      </tr>
    </thead>
  );
}
