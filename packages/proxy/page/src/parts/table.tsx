import { type ComponentChildren, Fragment } from "preact";
import { Words } from "./words.tsx";

export interface Column<Row> {
  readonly title: string;
  /** Numbers are aligned with their digits. */
  readonly number?: boolean;
  /** Kept on one line. */
  readonly short?: boolean;
  /** A column without anything, null in every row, is left out. */
  readonly cell: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  readonly caption: string;
  /** The first column names the row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What would fill the table. */
  readonly empty: string;
  readonly wrong?: (row: Row) => boolean;
  /** Shown below an open row. */
  readonly detail?: (row: Row) => ComponentChildren;
}

/**
 * A table; on a narrow screen each row becomes a block. Roles are explicit because browsers forget them when the style sheet
 * changes how table elements are displayed.
 */
export function Table<Row>({ caption, columns: all, rows, keyOf, empty, wrong, detail }: TableProps<Row>) {
  if (rows.length === 0)
    return (
      <p class="empty">
        <Words>{empty}</Words>
      </p>
    );
  const columns = all.filter(({ cell }) => rows.some((row) => cell(row) !== null));
  const [name, ...others] = columns;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table role="table">
        <caption class="hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ title, number, short }) => (
              <th role="columnheader" scope="col" key={title} class={classOf(number, short)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const more = detail?.(row);
            return (
              <Fragment key={keyOf(row)}>
                <tr role="row" class={wrong?.(row) ? "wrong" : ""}>
                  <th role="rowheader" scope="row" class={classOf(name?.number, name?.short)}>
                    {name?.cell(row)}
                  </th>
                  {others.map(({ title, number, short, cell }) => (
                    <td role="cell" key={title} class={classOf(number, short)} data-title={title}>
                      {cell(row)}
                    </td>
                  ))}
                </tr>
                {more === undefined || more === null ? null : (
                  <tr role="row" class="detail">
                    <td role="cell" colSpan={columns.length}>
                      {more}
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function classOf(number = false, short = false): string {
  return number ? "number" : short ? "short" : "";
}
