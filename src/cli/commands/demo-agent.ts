/** `everloop demo agent [DIRECTORY]`: an agent audits a directory and survives the death of its process. */
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { counted } from '../../base/counted.ts'
import type { Settled } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { clean, cleanLine } from '../clean.ts'
import { conversationLines, costText } from '../conversation-text.ts'
import { audit, type AuditResult, runId } from '../demo/audit.ts'
import { chooseModel, type Choice, scripted } from '../demo/audit-model.ts'
import { demoDirectory } from '../demo/directory.ts'
import { demoPlace } from '../demo/place.ts'
import { demoTime } from '../demo/time.ts'
import { exitCodes } from '../exit.ts'
import { interruptible } from '../interrupt.ts'
import { invocation } from '../invocation.ts'
import { type Output, plain } from '../output.ts'
import { table } from '../table.ts'

interface Options {
  readonly model?: string
  readonly time: string
}

export function addDemoAgent(demo: Command): void {
  const agents = demo
    .command('agent')
    .description('an agent audits a directory; its process is killed twice')
    .argument('[directory]', "what to audit (default: everloop's own sources)")
    .option(
      '--model <model>',
      'who thinks: "scripted", "provider/model" or "https://host/v1#model" (default: a provider whose key is set, else scripted)',
    )
    .option('--time <duration>', 'how long the scripted model and the tools take', '8s')
  act<Options>(agents, demoAgent)
}

async function demoAgent({ out, options, args }: Call<Options>): Promise<number> {
  const directory = demoDirectory(args[0])
  const timeMs = demoTime(options.time)
  const choice = await chooseModel(options.model)
  const place = demoPlace()
  if (!out.json) process.stdout.write(openingWords(out, directory, choice))
  return interruptible(async (signal) => {
    try {
      const model = choice.name
      const result = await audit({ out, directory, model, timeMs, place, signal })
      const told = toldOf(result, { directory, place, choice })
      out.result(documentOf(told), () => linesOf(told, out))
      return told.ok ? exitCodes.ok : exitCodes.failed
    } catch (error) {
      out.note(`What was recorded lies in ${join(place, 'ledger.db')}.`)
      throw error
    }
  })
}

function openingWords(out: Output, directory: string, { name, why }: Choice): string {
  const shown = cleanLine(relative(process.cwd(), directory) || '.')
  const who =
    name === scripted
      ? `A scripted model thinks (${cleanLine(why)}): no key, no network, no cost.`
      : `${cleanLine(name)} thinks (${cleanLine(why)}); it costs what its provider charges.`
  const bars = out.isTerminal ? ' In a bar, ░ is served from the ledger and █ is executed.' : ''
  return `An agent audits ${shown}. Its process is killed twice.${bars}\n${who}\n\n`
}

/** Everything that is told at the end. */
interface Told extends AuditResult {
  readonly directory: string
  readonly place: string
  readonly choice: Choice
  readonly report: { readonly file: string; readonly writes: number; readonly exists: boolean }
  /** Why the run has not ended as it should, if it has not. */
  readonly trouble: string | undefined
  /** Whether everything was done once, the ledger holds, and the run is completed. */
  readonly ok: boolean
}

function toldOf(result: AuditResult, given: Pick<Told, 'directory' | 'place' | 'choice'>): Told {
  const { tally, verdict, settled, conversation } = result
  const file = join(given.place, 'report.md')
  const ids = new Set(
    conversation.items
      .flatMap((item) => (item.is === 'assistant' ? item.calls : []))
      .flatMap(({ id, tool }) => (tool === 'write_report' ? [id] : [])),
  )
  const done = readFileSync(join(given.place, 'done.log'), 'utf8').split('\n')
  const writes = done.filter((line) => ids.has(line.slice(line.indexOf('\t') + 1))).length
  const isOnce = tally.repeated.length === 0 && tally.lost.length === 0
  return {
    ...result,
    ...given,
    report: { file, writes, exists: existsSync(file) },
    trouble: troubleOf(settled),
    ok: isOnce && verdict.ok && settled.status === 'completed',
  }
}

function troubleOf(settled: Settled): string | undefined {
  switch (settled.status) {
    case 'completed':
      return undefined
    case 'failed':
      return `The run has failed, and everything before that is recorded: ${settled.error.message}`
    case 'waiting': {
      const [wait] = settled.on
      return `The run waits, and does so until somebody answers: ${wait?.what ?? 'nobody knows why'}`
    }
    case 'paused':
      return `The run is paused (${settled.code}): ${settled.message}`
    case 'cancelled':
      return `The run was cancelled: ${settled.reason}`
  }
}

function documentOf(told: Told): object {
  const { ok, directory, place, choice, settled, kills, conversation, tally, verdict } = told
  return {
    ok,
    run: runId,
    directory,
    model: { ...choice, isScripted: choice.name === scripted },
    status: settled.status,
    ...(settled.status === 'completed' ? { output: settled.output } : {}),
    ...(told.trouble === undefined ? {} : { trouble: told.trouble }),
    kills,
    conversation: plain(conversation.items),
    spent: conversation.spent,
    tally,
    verdict,
    report: told.report,
    ledger: join(place, 'ledger.db'),
    logs: ['asked', 'begun', 'done'].map((name) => join(place, `${name}.log`)),
  }
}

function linesOf(told: Told, out: Output): string[] {
  const { conversation, choice, place, report, tally, verdict, trouble, ok } = told
  const ledger = join(place, 'ledger.db')
  const heading = (text: string): string[] => ['', out.style('bold', text), '']
  const free = choice.name === scripted ? ' The model is scripted: nobody charges for it.' : ''
  const checked = verdict.ok
    ? `${verdict.entries} entries, every hash and rule checked`
    : counted(verdict.violations.length, 'broken rule')
  return [
    ...heading('The conversation'),
    ...conversationLines(conversation, out),
    ...heading('What it cost'),
    `${costText(conversation)}${free} What was served from the ledger cost nothing.`,
    ...heading('What was done, by what the calls themselves have left behind'),
    ...table(
      [
        { title: '', of: ([what]) => what },
        { title: '', of: ([, count]) => count },
      ],
      proofRows(told, out),
    ),
    '',
    ...table(
      [
        { title: '', of: ([what]) => what },
        { title: '', of: ([, path]) => path },
      ],
      [
        ['ledger', `${ledger}  (${checked})`],
        ['side files', join(place, '{asked,begun,done}.log')],
        ...(report.exists ? [['report', report.file] as const] : []),
      ] as const,
    ),
    '',
    'Look at it:',
    ...['conversation', 'events', 'explain', 'verify'].map(
      (verb) => `  ${invocation()} runs ${verb} ${runId} --store sqlite:${ledger}`,
    ),
    ...(trouble === undefined ? [] : [out.style('yellow', clean(trouble))]),
    ok
      ? out.style('green', 'Each call was made once, none was lost.')
      : out.style(
          tally.repeated.length + tally.lost.length > 0 ? 'red' : 'yellow',
          `Made again: ${tally.repeated.join(', ') || 'none'}. Lost: ${tally.lost.join(', ') || 'none'}.`,
        ),
  ]
}

function proofRows(
  { tally, kills, report }: Told,
  out: Output,
): readonly (readonly [string, string])[] {
  const good = (count: number): string => out.style(count === 0 ? 'green' : 'red', String(count))
  return [
    ...kills.map(({ pid, during, recorded }): [string, string] => [
      `recorded when process ${pid} was killed ${during === 'calls' ? 'during calls' : 'during the approval'}, and not done again`,
      String(recorded),
    ]),
    ['answers of the model, and how often it was asked', `${tally.answers}, ${tally.asked}`],
    ['calls made once', `${tally.madeOnce} of ${tally.calls}`],
    ['cut off by a kill before they had done anything, begun again', String(tally.cutOff.length)],
    ['the report was written', report.writes === 1 ? 'once' : `${report.writes} times`],
    ['made again', good(tally.repeated.length)],
    ['lost', good(tally.lost.length)],
  ]
}
