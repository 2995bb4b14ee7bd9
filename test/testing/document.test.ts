/** The programs of docs/testing.md do what is said beside them. What they test stands here. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { index, Running, testingIndex } from '../cli/command-line.ts'
import { testFolder } from '../test-folder.ts'

const approval = `import { flow } from 'everloop'
export const approval = flow('approval', async (run, { order }: { readonly order: number }) => {
  const isApproved = await run.ask<boolean>('Approve?', { timeout: '30d', otherwise: false })
  if (!isApproved) return 'dropped'
  await run.step('charge card', () => order)
  await run.sleep('1d')
  return 'shipped'
})
`
const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'testing.md'), 'utf8')
const programs = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = '']) => code)

const here = (code: string): string =>
  code
    .replaceAll("from 'everloop'", `from '${pathToFileURL(index).href}'`)
    .replaceAll("from 'everloop/testing'", `from '${pathToFileURL(testingIndex).href}'`)

test.each(programs.map((code, i) => [i + 1, code] as const))('program %i', async (_, code) => {
  const folder = testFolder()
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'approval.ts'), here(approval))
  writeFileSync(join(folder, 'program.ts'), here(code))
  const { ended } = new Running(process.execPath, ['program.ts'], { cwd: folder })
  expect(await ended).toMatchObject({ code: 0, stderr: '' })
})
