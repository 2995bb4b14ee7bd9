/** Tables for people: left-aligned columns that are as wide as what stands in them. */

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  readonly align?: 'right'
}

/** The table as lines. `style` paints a padded cell; it must not change its visible width. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: (cell: string, column: number, row: Row | undefined) => string = (cell) => cell,
): string[] {
  const cells = rows.map((row) => columns.map(({ of }) => of(row)))
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)),
  )
  const draw = (line: readonly string[], row: Row | undefined): string =>
    line
      .map((cell, i) => {
        const width = widths[i] ?? 0
        const isLast = i === line.length - 1
        const right = columns[i]?.align === 'right'
        const padded = right ? cell.padStart(width) : isLast ? cell : cell.padEnd(width)
        return style(padded, i, row)
      })
      .join('  ')
      .trimEnd()
  const titles = columns.some(({ title }) => title !== '')
    ? [
        draw(
          columns.map(({ title }) => title),
          undefined,
        ),
      ]
    : []
  return [...titles, ...cells.map((line, i) => draw(line, rows[i]))]
}
