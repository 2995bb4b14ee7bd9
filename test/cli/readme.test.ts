/** The program of README.md, as it stands there, against a server that answers as OpenAI does. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { scriptedServer } from '../../src/testing/index.ts'
import { index, Running } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const root = join(import.meta.dirname, '..', '..')
const [, program = ''] =
  /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
const urlOf = (path: string): string => pathToFileURL(join(root, path)).href

test('is killed in the middle, started again, and refunds once', async () => {
  const folder = testFolder()
  const file = join(folder, 'support.ts')
  const here = program
    .replace("from 'everloop'", `from '${pathToFileURL(index).href}'`)
    .replace("from 'zod'", `from '${urlOf('node_modules/zod/index.js')}'`)
  writeFileSync(file, here)
  const refunds = join(folder, 'refunds.log')

  const asked = Promise.withResolvers<void>()
  let isHanging = true
  await using server = await scriptedServer({
    script: ({ turn }) => {
      if (turn === 0) {
        return { toolCalls: [{ name: 'refund', input: { order: 42, cents: 900 } }] }
      }
      if (!isHanging) return { text: 'It is refunded.' }
      asked.resolve()
      return { hang: true }
    },
  })
  const env = { OPENAI_API_KEY: 'none', OPENAI_BASE_URL: server.url }
  const live = (): Running => {
    const running = new Running(process.execPath, [file], { cwd: folder, env, input: '' })
    onTestFinished(() => void running.child.kill('SIGKILL'))
    return running
  }

  const first = live()
  await Promise.race([asked.promise, first.ended.then(({ stderr }) => expect(stderr).toBe(''))])
  first.child.kill('SIGKILL')
  expect((await first.ended).signal).toBe('SIGKILL')
  expect(readFileSync(refunds, 'utf8')).toBe('42 900\n')

  isHanging = false
  const { code, stdout, stderr } = await live().ended
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'It is refunded.\n', stderr: '' })
  expect(readFileSync(refunds, 'utf8')).toBe('42 900\n')
  // The first answer was asked for once; the one that the kill cut off twice.
  expect(server.requests.map(({ turn }) => turn)).toEqual([0, 1, 1])
})
