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
