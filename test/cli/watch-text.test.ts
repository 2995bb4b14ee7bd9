/** `everloop runs watch --text`: another process's text, live, safe for a terminal, from a cursor. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open, type StreamItem } from 'everloop'
import { everloop, start } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const child = fileURLToPath(new URL('../run/streaming-child.ts', import.meta.url))

test('shows text while a step is under way, then the entry, and takes a cursor', async () => {
  const cwd = testFolder()
  const store = `sqlite:${join(cwd, 'ledger.db')}`
  const env = { EVERLOOP_STORE: store }
  const typed = 'Once \u001b[31mupon\u202e a time'
  const worker = spawn(process.execPath, [child, store, typed], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  onTestFinished(() => void worker.kill('SIGKILL'))
  {
    await using ever = await open({ store, work: false })
    while (!(await ever.get('typing').catch(() => undefined)));
  }
  const human = start(['runs', 'watch', 'typing', '--text'], { env })
  const json = start(['runs', 'watch', 'typing', '--text', '--json'], { env })
  await human.prints(/type: Once \S*upon a time$/)
  // Not any `time`: each entry has one, and comes before the text.
  await json.prints(/time","cursor"/)
  worker.stdin.write('\n')
  const [shown, told] = await Promise.all([human.ended, json.ended])
  expect([shown.code, told.code]).toEqual([0, 0])
  expect(shown.stdout).toMatch(/type: Once \S*upon a time\n +3 .* step\.completed +type/)
  for (const control of ['\u001b', '\u202e']) expect(shown.stdout).not.toContain(control)
  const items = told.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as StreamItem)
  const text = items.map((item) => (item.type === 'text' ? item.text : '')).join('')
  expect(text).toBe(typed)
  expect(items.at(-1)).toMatchObject({ type: 'entry', event: { kind: 'run.completed' } })
  const from = items.at(-2)?.cursor ?? ''
  const again = ['runs', 'watch', 'typing', '--from', from]
  const [rest, entries, refused] = await Promise.all([
    everloop([...again, '--text', '--json'], { env }),
    everloop([...again, '--json'], { env }),
    everloop(['runs', 'watch', 'typing', '--from', 'x3'], { env }),
  ])
  const last = told.stdout.trimEnd().split('\n').at(-1) ?? ''
  expect(rest.stdout).toBe(`${last}\n`)
  // Without texts it goes on behind the entry that the cursor lies behind.
  expect(JSON.parse(entries.stdout)).toEqual((JSON.parse(last) as { event: unknown }).event)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('this is "x3"')
}, 60_000)
