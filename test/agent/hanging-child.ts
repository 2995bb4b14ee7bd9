/** A process that closes while a function of its agent's author hangs: `node hanging-child.ts`. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { agent, open } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'

const asked = Promise.withResolvers<void>()

const silent: StandardSchemaV1<unknown, never> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: () => {
      asked.resolve()
      return new Promise(() => {})
    },
  },
}

const flow = agent({ name: 'a', model: scriptedModel([{ text: '{}' }]), output: silent })
const ever = await open({ store: 'memory:', flows: [flow], work: {} })
await ever.start(flow, { prompt: 'Look.' })
await asked.promise
await ever.close()
