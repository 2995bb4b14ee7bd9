/** What the ledger tells of how a run lost its workers, one after the other. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { flow, open } from 'everloop'
import { mountedFreezable, standStill } from '../small-disk.ts'
import { testFolder } from '../test-folder.ts'

const child = fileURLToPath(new URL('losses-child.ts', import.meta.url))

test.skipIf(process.platform === 'win32')(
  'a worker that froze is told as such, also of a run that has lost another by its death before',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-losses-'))
    const log = join(folder, 'log')
    const workers: ChildProcess[] = []
    onTestFinished(() => {
      for (const worker of workers) worker.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    })
    const start = (): ChildProcess => {
      const worker = spawn(process.execPath, [child, folder], { stdio: 'inherit' })
      workers.push(worker)
      return worker
    }
    const executed = async (step: string, times: number): Promise<void> => {
      const count = (): number => readFileSync(log, 'utf8').split(`${step}\n`).length - 1
      while (!existsSync(log) || count() < times) await setTimeout(5)
    }
    const killed = start()
    await executed('one', 1)
    killed.kill('SIGKILL')
    const frozen = start()
    await executed('one', 2)
    writeFileSync(join(folder, 'one'), '')
    await executed('two', 1)
    frozen.kill('SIGSTOP')
    const last = start()
    await executed('two', 2)
    writeFileSync(join(folder, 'two'), '')
    await once(last, 'exit')
    await using ever = await open({ store: `sqlite:${join(folder, 'ledger.db')}` })
    const told = (await ever.store.entries('work')).filter(({ kind }) => kind === 'run.overtaken')
    expect(told.map(({ payload }) => JSON.parse(payload ?? ''))).toEqual([
      { lost: 'crash', times: 1 },
      { lost: 'lease', times: 1 },
    ])
  },
  40_000,
)

test('a disk that stood still for longer than the lease does not count as lost by the code', async (context) => {
  const folder = testFolder()
  if (!mountedFreezable(folder)) return context.skip('needs the right to mount')
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let executions = 0
  const patient = flow('patient', (run) =>
    run.step('long', async () => {
      begun[executions++]?.resolve()
      if (executions === 1) await new Promise<void>(() => {})
    }),
  )
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const onTrouble = (): void => {}
  await using ever = await open({ store, flows: [patient], lease: '500ms', work: {}, onTrouble })
  const run = await ever.start(patient, undefined)
  await begun[0]?.promise
  await standStill(folder, 2)
  await begun[1]?.promise
  await run.result()
  const kinds = (await ever.store.entries(run.id)).map(({ kind }) => kind)
  expect(kinds).toEqual(['run.started', 'step.completed', 'run.completed'])
})
