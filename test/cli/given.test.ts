/** What modules give to the runs that commands execute: policies, actions and secrets. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { everloop, everloopJson, index, testingIndex } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const source = JSON.stringify(index)
const testing = JSON.stringify(testingIndex)

const payer = `import { appendFileSync } from 'node:fs'
import { agent, tool } from ${source}
import { scriptedModel } from ${testing}
const pay = tool({ name: 'pay', description: 'Pays.', effect: 'idempotent',
  run: async (_, { secrets }) => appendFileSync('paid', 'with ' + (await secrets.get('BANK_KEY')).length) })
const model = scriptedModel([{ toolCalls: [{ name: 'pay', input: {} }] }, { text: 'Done.' }], { by: 'turn' })
export const payer = agent({ name: 'payer', model, tools: [pay] })`

const operator = `import { action, policy } from ${source}
export const careful = policy({ name: 'careful', approval: [{ effect: 'idempotent' }] })
export const again = careful
export const giveBack = action('give_back', () => {})
export const secrets = { BANK_KEY: 'key-of-the-bank' }`

function place(files: Readonly<Record<string, string>>): string {
  const cwd = testFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
  return cwd
}

test('an operator imposes a policy on code of others, and gives it secrets', async () => {
  const cwd = place({ 'payer.ts': payer, 'operator.ts': operator })
  const start = ['run', 'payer.ts', '{"prompt":"Pay."}', '--id', 'pay-1', '--start']
  expect(await everloop(start, { cwd })).toMatchObject({ code: 0 })
  const work = ['work', 'payer.ts', '--until', 'idle', '--with', 'operator.ts']
  expect(await everloop(work, { cwd })).toMatchObject({ code: 0 })
  expect(existsSync(join(cwd, 'paid'))).toBe(false)
  expect(await everloop(['approvals', 'approve', 'pay-1'], { cwd })).toMatchObject({ code: 0 })
  const go = ['run', 'payer.ts', '{"prompt":"Pay."}', '--id', 'pay-1', '--with', 'operator.ts']
  expect(await everloop(go, { cwd })).toMatchObject({ code: 0, stdout: 'Done.\n' })
  expect(readFileSync(join(cwd, 'paid'), 'utf8')).toBe('with 15')
})

test('a flow file gives what it exports to its own runs', async () => {
  const cwd = place({
    'all.ts': `${payer}\nexport * from './operator.ts'`,
    'operator.ts': operator,
  })
  const go = ['run', 'all.ts', '{"prompt":"Pay."}', '--id', 'pay-1']
  expect(await everloopJson(go, { cwd })).toMatchObject({
    code: 5,
    document: { reason: 'approval' },
  })
})

test.each([
  ['nothing of use', 'export const x = 1', 'exports no policy, no action and no `secrets`'],
  ['secrets beside those of another', 'export const secrets = {}', 'export `secrets`. One file'],
  ['no secrets', 'export const secrets = 5', 'secrets'],
])('a module that exports %s is refused', async (_, text, complaint) => {
  const isSecond = complaint.includes('One file')
  const cwd = place({
    'payer.ts': isSecond ? `${payer}\nexport const secrets = {}` : payer,
    'with.ts': text,
  })
  const go = ['run', 'payer.ts', '{"prompt":"Pay."}', '--with', 'with.ts']
  const { code, stderr } = await everloop(go, { cwd })
  expect(stderr).toContain(complaint)
  expect(code).toBe(2)
  expect(existsSync(join(cwd, 'paid'))).toBe(false)
})
