/** What commands print: a table for people, JSON for programs. */
import type { ConfigProblem } from '../config/load.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | undefined;
  readonly align?: 'left' | 'right';
}

/** JSON where it was asked for or where nobody looks: standard output is not a terminal. */
export const wantsJson = (options: { readonly json?: boolean | undefined }): boolean =>
  options.json === true || process.stdout.isTTY !== true;

export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
  for (const line of formatTable(rows, columns)) console.log(line);
}

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => printable(String(value(row) ?? '-'))));
  const widths = columns.map(({ title }, column) =>
    cells.reduce((width, row) => Math.max(width, (row[column] ?? '').length), title.length),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, column) => {
        const width = widths[column] ?? 0;
        return columns[column]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)];
}

/** `file:line:column: path: message`, which editors and terminals can jump to. */
export const formatProblem = ({ file, line, column, path, message }: ConfigProblem): string =>
  `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;

/** What came from outside must not move the cursor or colour the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out.
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
