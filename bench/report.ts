/** Results as text: a table for the terminal, and the same in Markdown for docs/benchmarks.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, release, totalmem, type } from 'node:os'
import { type Figure, keeps } from './figure.ts'

/** What one case gave on one Node. */
export interface Result {
  readonly node: string
  readonly name: string
  readonly says: string
  readonly figures: readonly Figure[]
}

const begin = '<!-- results: begin, written by `npm run bench -- --write` -->'
const end = '<!-- results: end -->'

/** For the terminal: one line for each figure. */
export function lines({ node, name, says, figures }: Result): string {
  const rows = figures.map((figure) => [figure.what, ...cells(figure)])
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  const body = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
  return [`${name}: ${says} (Node ${node})`, ...body.map((line) => `  ${line.trimEnd()}`)].join(
    '\n',
  )
}

function cells(figure: Figure): string[] {
  const { median, min, max } = figure.spread
  const { unit } = figure
  return [
    `${amount(median)} ${unit}`,
    min === max ? '' : `${amount(min)} to ${amount(max)}`,
    limitOf(figure),
    figure.limit === undefined ? '' : keeps(figure) ? 'kept' : 'MISSED',
  ]
}

function limitOf({ limit, unit }: Figure): string {
  if (limit === undefined) return ''
  return 'most' in limit ? `at most ${limit.most} ${unit}` : `at least ${limit.least} ${unit}`
}

/** Three digits are more than a shared machine can tell. */
const amount = (value: number): string =>
  Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)))

/** Puts the results between the marks of the document: cases that were not executed keep their tables. */
export function write(path: string, results: readonly Result[]): void {
  const text = readFileSync(path, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${path} has no marks for results.`)
  const before = text
    .slice(from + begin.length, to)
    .matchAll(/^### ([\w-]+): .*?(?=^### |$(?![^]))/gms)
  const tables = new Map(Array.from(before, ([table, name = '']) => [name, table.trim()]))
  for (const { name } of results)
    tables.set(name, tableOf(results.filter((one) => one.name === name)))
  const body = [machine(), ...tables.values()].join('\n\n')
  writeFileSync(path, [text.slice(0, from + begin.length), text.slice(to)].join(`\n\n${body}\n\n`))
}

function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${type()} ${release()}, ${availableParallelism()} cores, ${memory} GB, SQLite ${process.versions['sqlite']}.`
}

/** The results of one case, a column for each Node. */
function tableOf(results: readonly Result[]): string {
  const [first] = results
  if (!first) return ''
  const nodes = results.map(({ node }) => node)
  const rows = first.figures.map((figure) => {
    const ofNodes = nodes.map((node) => {
      const same = results
        .find((each) => each.node === node)
        ?.figures.find(({ what }) => what === figure.what)
      if (!same) return 'not run'
      const [median = '', range = '', , verdict = ''] = cells(same)
      return `${median}${range && ` (${range})`}${verdict === 'MISSED' ? ' **missed**' : ''}`
    })
    return [figure.what, limitOf(figure), ...ofNodes]
  })
  const head = ['', 'limit', ...nodes.map((node) => `Node ${node}`)]
  const table = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return [`### ${first.name}: ${first.says}`, '', ...table].join('\n')
}
