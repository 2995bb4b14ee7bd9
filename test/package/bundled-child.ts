/**
 * A small service, as users bundle it: writes that go to the thread, patterns and JSON Schemas, whose packages
 * are loaded late, and a model whose package is not there. It is a flow file, too.
 */
import { agent, currentRun, flow, open, policy, regexGuard, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'

const add = tool({
  name: 'add',
  description: 'Adds.',
  inputSchema: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
  effect: 'read',
  run: () => 3,
})
export const adder = agent({
  name: 'adder',
  model: scriptedModel([
    { toolCalls: [{ name: 'add', input: { a: 'one' } }] },
    { toolCalls: [{ name: 'add', input: { a: 1 } }] },
    { text: 'three' },
  ]),
  tools: [add],
})
export const claude = agent({ name: 'claude', model: 'anthropic/claude-haiku-4-5' })
export const many = flow('many', async (run) => {
  const items = Array.from({ length: 40 }, (_, i) => i)
  const ids = await run.map('items', items, (branch) =>
    branch.step('one', () => currentRun()?.id ?? 'none'),
  )
  return ids.filter((id) => id === run.id).length
})
export const careful = policy({
  name: 'careful',
  guards: [regexGuard({ at: 'input', patterns: '^forbidden' })],
})

async function serve(store: string): Promise<void> {
  const ever = await open({ store, flows: [many, adder, claude], policies: [careful], work: {} })
  const said: unknown[] = []
  for (const [name, prompt] of [
    ['many', ''],
    ['adder', 'Add.'],
    ['adder', 'forbidden'],
    ['claude', 'Add.'],
  ] as const) {
    const settled = await (await ever.start(name, { prompt })).settled()
    said.push(settled.status === 'completed' ? settled.output : settled)
  }
  await ever.close()
  console.log(JSON.stringify(said))
}

// No `await` at the top: it is bundled as CommonJS, too.
if (process.env['LEDGER'] !== undefined) void serve(process.env['LEDGER'])
