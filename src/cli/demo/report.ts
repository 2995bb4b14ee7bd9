/** What the demo's survey makes of its findings: totals, and a report in Markdown. */
import { cell } from './cell.ts'
import type { FileList, Finding } from './measure.ts'

export interface Totals {
  readonly files: number
  readonly bytes: number
  readonly lines: number
  readonly todos: number
  readonly binary: number
  readonly unreadable: number
}

export const noTotals: Totals = {
  files: 0,
  bytes: 0,
  lines: 0,
  todos: 0,
  binary: 0,
  unreadable: 0,
}

const rowsMax = 15

export function addUp(totals: Totals, findings: readonly Finding[]): Totals {
  const sum = (of: (finding: Finding) => number): number =>
    findings.reduce((total, finding) => total + of(finding), 0)
  return {
    files: totals.files + findings.length,
    bytes: totals.bytes + sum(({ bytes }) => bytes),
    lines: totals.lines + sum(({ lines }) => lines),
    todos: totals.todos + sum(({ todos }) => todos),
    binary: totals.binary + sum(({ kind }) => Number(kind === 'binary')),
    unreadable: totals.unreadable + sum(({ kind }) => Number(kind === 'unreadable')),
  }
}

export interface ReportParts {
  readonly directory: string
  readonly list: FileList
  readonly findings: readonly Finding[]
  readonly totals: Totals
  readonly order: 'lines' | 'bytes' | 'todos'
}

export function reportOf({ directory, list, findings, totals, order }: ReportParts): string {
  const largest = findings.toSorted((a, b) => b[order] - a[order]).slice(0, rowsMax)
  return [
    `# Survey of ${cell(directory)}`,
    '',
    `${totals.files} files, ${totals.lines} lines, ${totals.bytes} bytes, ${totals.todos} to-dos; ${totals.binary} binary, ${totals.unreadable} unreadable.`,
    ...(list.limit === undefined ? [] : [`There are more: only ${list.limit} were read.`]),
    ...(list.closed === 0 ? [] : [`${list.closed} folders could not be opened.`]),
    '',
    `| file | lines | bytes | todos |`,
    `| --- | ---: | ---: | ---: |`,
    ...largest.map(
      ({ file, lines, bytes, todos }) => `| ${cell(file)} | ${lines} | ${bytes} | ${todos} |`,
    ),
    '',
  ].join('\n')
}
