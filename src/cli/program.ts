/** The command line: which commands there are, and what is the same for all of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { addApprovals } from './commands/approvals.ts'
import { addBench } from './commands/bench.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addModels } from './commands/models.ts'
import { addQuestions } from './commands/questions.ts'
import { addRun } from './commands/run.ts'
import { addRunsChange } from './commands/runs-change.ts'
import { addRunsUndo } from './commands/runs-undo.ts'
import { addRunsExport } from './commands/runs-export.ts'
import { addRunsEvents } from './commands/runs-events.ts'
import { addRunsList } from './commands/runs-list.ts'
import { addRunsRead } from './commands/runs-read.ts'
import { addSignal } from './commands/signal.ts'
import { addWork } from './commands/work.ts'
import { packageRoot } from './package-root.ts'

const examples = `
Examples:
  everloop demo agent                      see an agent survive being killed in the middle of calls
  everloop demo crash                      the same with a plain flow
  everloop run flow.ts '{"city":"Ulm"}'    execute a flow of your own
  everloop work flow.ts                    serve its runs until Ctrl-C
  everloop runs list --since 2h            what has run lately
  everloop runs explain ID                 why a run is where it is
  everloop approvals list                  which calls of agents wait for somebody

Exit codes: 0 done, 1 failed or refused, 2 usage, 3 not found, 4 store, 5 waiting or paused.`

/**
 * The program, ready to parse. Errors of usage are thrown, and printed by main.ts; the help that stands
 * in for a missing command is for people, and left out for programs.
 */
export function makeProgram({ isJson = false }: { readonly isJson?: boolean } = {}): Command {
  const program = new Command('everloop')
    .description('A durable runtime for AI agents.')
    .version(version(), '-V, --version', 'print the version')
    .option('--json', 'print JSON: one document, or one line for each event')
    .option(
      '--store <place>',
      'where runs are kept (default: EVERLOOP_STORE, else "sqlite:.everloop/ledger.db")',
    )
    .addHelpText('after', examples)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {}, ...(isJson ? { writeErr: () => {} } : {}) })
    .exitOverride()

  addRun(program)
  addWork(program)
  const runs = program.command('runs').description('look at runs, and change their course')
  addRunsList(runs)
  addRunsRead(runs)
  addRunsEvents(runs)
  addRunsChange(runs)
  addRunsUndo(runs)
  addRunsExport(runs)
  addSignal(program)
  addQuestions(program)
  addModels(program)
  addApprovals(program)
  addDoctor(program)
  addBench(program)
  addDemo(program)
  return program
}

/** The command that was meant by what was parsed, as far as there is one: its help says how it is used. */
export function meant(program: Command): string {
  const names = [program.name()]
  for (let command = program; ;) {
    const word = program.args[names.length - 1]
    const next = command.commands.find(
      (one) => word !== undefined && [one.name(), ...one.aliases()].includes(word),
    )
    if (!next) return names.join(' ')
    names.push(next.name())
    command = next
  }
}

function version(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
