/** Agents that are wrong on purpose: each would make a call twice that must not repeat. */
import { z } from 'zod'
import { agent, done, type Finding, notDone, tool } from '../../src/index.ts'
import type { Append, Store } from '../../src/store/store.ts'
import type { Canary } from './canary.ts'
import { counted, countedModel, dally, hasHappened } from './counted.ts'
import type { Cast } from './scenario.ts'
import { wrapStore } from './wrapped-store.ts'
import type { World } from './world.ts'

const run = 'mailer-1'

/** Sends a mail, which takes most of the calls at which it can be killed. */
function mailing(world: World, find: () => Finding<string>): Cast {
  const mail = tool({
    name: 'mail',
    description: 'Sends a mail.',
    input: z.object({}),
    effect: 'once',
    timeout: '300ms',
    settle: '1ms',
    reconcile: find,
    run: (_, context) => {
      counted(world, context)
      dally(world, 200)
      return 'sent'
    },
  })
  const model = countedModel(world, ({ turn }) =>
    turn === 0 ? { toolCalls: [{ id: 'm', name: 'mail', input: {} }] } : { text: 'It is sent.' },
  )
  const mailer = agent({ name: 'mailer', model, tools: [mail] })
  return {
    flows: [mailer],
    drive: async (client) => {
      await client.start(mailer, { prompt: 'Send.' }, { id: run })
      await client.end(run)
    },
  }
}

/** The store says that an intent is durable, and writes it with what comes next. */
const lateIntent: Canary = {
  name: 'canary: called before the intent is durable',
  finds: 'repeated',
  ends: { [run]: 'completed' },
  make: (world) => mailing(world, () => (hasHappened(world) ? done('sent') : notDone())),
  distort: (store: Store) => {
    let held: Append | undefined
    return wrapStore(store, {
      append: async (append) => {
        if (held) await store.append(held)
        held = append.entries.some(({ kind }) => kind === 'effect.intended') ? append : undefined
        return held ? { is: 'committed', newest: 0 } : store.append(append)
      },
    })
  },
}

/** `reconcile` says of what has happened that it has not. */
const wrongFinding: Canary = {
  name: 'canary: a finding that is wrong',
  finds: 'repeated',
  ends: { [run]: 'completed' },
  make: (world) => mailing(world, () => notDone()),
}

export const agentCanaries: readonly Canary[] = [lateIntent, wrongFinding]
