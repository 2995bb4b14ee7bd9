/** `everloop models serve`: a real server in a process of its own, asked by a real provider package. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { call } from '../agent/wire.ts'
import { everloop, start } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const urlOf = (match: RegExpExecArray): string => match[1] ?? ''

test('without a script it repeats what it is told, and says how to use it', async () => {
  const serving = start(['models', 'serve'])
  const url = urlOf(await serving.prints(/at (http:\S+\/v1),/))
  const { answer } = await call({ model: `${url}#any` })
  expect(answer?.text).toContain('What is the weather in Ulm')
  await serving.prints(/\/v1\/chat\/completions, turn 1: What is/)
  serving.child.kill('SIGTERM')
  expect(await serving.ended).toMatchObject({ code: 0 })
})

test('with a script it answers by the turn of the conversation', async () => {
  const cwd = testFolder()
  const script = [{ toolCalls: [{ name: 'weather', input: { city: 'Ulm' } }] }, { text: 'Rain.' }]
  writeFileSync(join(cwd, 'script.json'), JSON.stringify(script))
  const serving = start(['models', 'serve', '--script', 'script.json', '--json'], { cwd })
  const url = urlOf(await serving.prints(/"event":"serving","url":"([^"]+)"/))
  for (let i = 0; i < 2; i++) {
    const { answer } = await call({ model: `${url}#any` })
    expect(answer?.content).toMatchObject([{ type: 'tool-call', input: { city: 'Ulm' } }])
  }
  await serving.prints(/"event":"request","path":"\/v1\/chat\/completions","index":1,"turn":0/)
})

test.each([
  ['{}', 'a script is a list of answers'],
  ['[{"txt":"Hi."}]', 'answer 1 has none of'],
  ['[{"text":"Hi.","usge":null}]', 'has "usge"'],
  ['[{"text":"Hi.","malformed":"badly"}]', 'malformed as "badly"'],
  ['[{"toolCalls":[{}]}]', 'toolCalls is a list of'],
  ['[', 'cannot be read'],
])('a script that cannot be one is refused: %s', async (text, complaint) => {
  const cwd = testFolder()
  writeFileSync(join(cwd, 'script.json'), text)
  const { code, stderr } = await everloop(['models', 'serve', '--script', 'script.json'], { cwd })
  expect(stderr).toContain(complaint)
  expect(code).toBe(2)
})

test('a wrong port is refused', async () => {
  const { code, stderr } = await everloop(['models', 'serve', '--port', '70000'])
  expect(stderr).toContain('--port')
  expect(code).toBe(2)
})
