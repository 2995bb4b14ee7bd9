/** An answer that fits the schema that is asked beforehand, and that the run's own code refuses. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { everloop, everloopJson, testFolder } from './command-line.ts'

const source = join(import.meta.dirname, '..', '..', 'src', 'index.ts')
const zod = import.meta.resolve('zod')

test('the question stays open, and says why', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'even.ts'),
    `import { flow } from ${JSON.stringify(source)}
import { z } from ${JSON.stringify(zod)}
const even = z.number().refine((n) => n % 2 === 0, { error: '\\u001b[2Jit is odd' })
export default flow('even', (run) => run.ask('Which number?', { schema: even }))`,
  )
  const json = (...args: string[]) => everloopJson<{ readonly refused?: string }>(args, { cwd })
  expect(await everloop(['run', 'even.ts', '--id', 'even'], { cwd })).toMatchObject({ code: 5 })
  expect((await json('questions', 'show', 'even')).document).not.toHaveProperty('refused')

  expect(await everloop(['questions', 'answer', 'even', '3'], { cwd })).toMatchObject({ code: 0 })
  const again = await everloop(['run', 'even.ts', '--id', 'even'], { cwd })
  expect(again).toMatchObject({ code: 5 })
  expect(again.stderr).toContain('the last one was refused: ')
  expect((await json('questions', 'show', 'even')).document.refused).toContain('it is odd')
  const shown = await everloop(['questions', 'show', 'even'], { cwd })
  expect(shown.stdout).toMatch(/^refused before +.*it is odd/m)
  expect(shown.stdout).not.toContain('\u001b')

  expect(await everloop(['questions', 'answer', 'even', '4'], { cwd })).toMatchObject({ code: 0 })
  const ended = await everloop(['run', 'even.ts', '--id', 'even'], { cwd })
  expect(ended).toMatchObject({ code: 0, stdout: '4\n' })
})
