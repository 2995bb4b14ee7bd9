/** `everloop doctor`: whether this machine and this store are fit, each trouble with a fix. */
import type { Command } from 'commander'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import {
  type Check,
  checkDisk,
  checkDue,
  checkLinks,
  checkLock,
  checkNode,
  checkRuns,
  checkSessions,
  checkStore,
} from '../checks.ts'
import { exitCodeOf, exitCodes } from '../exit.ts'
import { failureOf, type Output } from '../output.ts'
import { ledgerFile, openExisting } from '../store-place.ts'

interface Options {
  readonly migrate?: true
}

export function addDoctor(program: Command): void {
  act(
    program
      .command('doctor')
      .description('check this machine and the store, with a fix for each trouble')
      .option(
        '--migrate',
        'bring a store of an older version up to date: ends the work of older processes',
      ),
    doctor,
  )
}

async function doctor({ out, store, options }: Call<Options>): Promise<number> {
  const file = ledgerFile(store)
  const checks: Check[] = [checkNode()]
  if (file !== undefined) checks.push(...checkDisk(file))
  let exitCode: number = exitCodes.ok
  try {
    await using ever = await openExisting(store, { mayMigrate: options.migrate === true })
    checks.push(checkStore(ever.store.about))
    if (file !== undefined) checks.push(checkLinks(file), await checkLock(file))
    checks.push(...(await checkSessions(ever.store)))
    checks.push(await checkDue(ever), await checkRuns(ever))
    if (checks.some(({ level }) => level === 'bad')) exitCode = exitCodes.failed
  } catch (error) {
    exitCode = exitCodeOf(error)
    const { code, message } = failureOf(error)
    checks.push({ name: 'store', level: 'bad', finding: `${code}: ${message}`, fix: undefined })
  }
  out.result({ ok: exitCode === exitCodes.ok, store, checks }, () =>
    checks.flatMap((check) => linesOf(out, check)),
  )
  return exitCode
}

const marks = { good: ['green', 'ok  '], note: ['yellow', 'note'], bad: ['red', 'bad '] } as const

function linesOf(out: Output, { name, level, finding, fix }: Check): string[] {
  const [color, mark] = marks[level]
  const line = `${out.style(color, mark)}  ${name.padEnd(11)}  ${cleanLine(finding, 1000)}`
  return fix === undefined ? [line] : [line, `      ${''.padEnd(11)}  Fix: ${fix}`]
}
