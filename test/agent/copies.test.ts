/** Two copies of everloop in one process, as when a flow file brings its own: one executes what the other has made. */
import { expect, test, vi } from 'vitest'
import * as everloop from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'

/** Another copy, with classes of its own. */
function another(): Promise<typeof everloop> {
  vi.resetModules()
  return import('everloop')
}

test('the model of an agent is told what its tool threw, whichever copy has made it', async () => {
  for (const copy of [everloop, await another()]) {
    const look = copy.tool({
      name: 'look',
      description: 'Looks.',
      effect: 'read',
      run: (): string => {
        throw new RangeError('It is dark.')
      },
    })
    const model = scriptedModel([{ toolCalls: [{ name: 'look', input: {} }] }, { text: 'Done.' }])
    const looker = copy.agent({ name: 'looker', model, tools: [look] })
    await using runtime = await testRuntime({ flows: [looker] })
    await runtime.result(await runtime.start(looker, { prompt: 'Look.' }))
    expect(JSON.stringify(model.requests.at(-1))).toContain('"Error: RangeError: It is dark."')
  }
})

test('a rejection that nobody handles is told once, however many copies have workers', async () => {
  const copy = await another()
  const told: unknown[] = []
  const careless = everloop.flow('careless', (run) =>
    run.step('a', async () => {
      void Promise.reject(new Error('left behind'))
      await new Promise((resolve) => void setImmediate(resolve))
    }),
  )
  await using ever = await everloop.open({
    store: 'memory:',
    flows: [careless],
    work: {},
    onTrouble: (error) => told.push(error),
  })
  await using beside = await copy.open({ store: 'memory:', work: {} })
  expect(beside).toBeDefined()
  await (await ever.start(careless, undefined)).result()
  expect(told).toEqual([expect.objectContaining({ message: 'left behind' })])
})
