/** The run that code belongs to, found by code that is not handed it. */
import { expect, test } from 'vitest'
import { agent, currentRun, flow, tool } from 'everloop'
import { crashAtEveryCommit, scriptedModel, testRuntime } from 'everloop/testing'

/** A library that knows everloop and is handed nothing. */
async function fetched(what: string): Promise<string> {
  await Promise.resolve()
  const run = currentRun()
  return run ? run.step(`fetch ${what}`, () => `${what} of ${run.id}`) : `${what} of nobody`
}

const reading = flow('reading', async (run, names: readonly string[]) => {
  const first = await fetched('index')
  const rest = await run.map('read', names, (_, name) => fetched(name))
  return [first, ...rest]
})

test('a library makes steps of the run that calls it, in the scope where it is called', async () => {
  await using runtime = await testRuntime({ flows: [reading] })
  const runs = await Promise.all(
    ['a', 'b'].map((id) => runtime.ever.start(reading, ['x', 'y'], { id })),
  )
  await runtime.settle()
  for (const run of runs) {
    const of = `of ${run.id}`
    expect(await runtime.result(run)).toEqual([`index ${of}`, `x ${of}`, `y ${of}`])
    const ledger = await runtime.ledger(run)
    const steps = ledger.filter(({ kind }) => kind === 'step.completed').map(({ path }) => path)
    expect(steps.toSorted()).toEqual(['fetch index', 'read/0/fetch x', 'read/1/fetch y'])
  }
  await runtime.verify()
})

test('what it makes survives as what the code itself makes', async () => {
  const report = await crashAtEveryCommit(reading, ['x', 'y'], { run: { id: 'r' } })
  expect(report.outcomes).toEqual([
    { status: 'completed', output: ['index of r', 'x of r', 'y of r'] },
  ])
  expect(report.flaws).toEqual([])
})

test('outside of runs there is none', async () => {
  expect(currentRun()).toBeUndefined()
  expect(await fetched('index')).toBe('index of nobody')
})

test('inside a step it tells the run, and begins nothing', async () => {
  const told: unknown[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    effect: 'read',
    run: async () => {
      told.push(currentRun()?.id)
      await currentRun()?.sleep('1h')
    },
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'look', input: {} }] }, { text: 'Done.' }])
  const looker = agent({ name: 'looker', model, tools: [look] })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' }, { id: 'r' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(told).toEqual(['r'])
  expect(JSON.stringify(model.requests[1]?.body)).toContain('a durable operation was started')
})
