/** Runs that move to another version of their flow when both are exported by a flow file. */
import { expect, test } from 'vitest'
import { everloop, everloopJson, movedFile } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

test('run and work move runs to the version that takes them over, whatever the exports are called', async () => {
  const cwd = testFolder()
  const begun = await everloop(['run', `${movedFile}#wordsOld`, '--id', 'r'], { cwd })
  expect(begun.code).toBe(5)
  const { stdout } = await everloop(['runs', 'events', 'r'], { cwd })
  expect(stdout).toMatch(/run\.started .*"version":"1"[^]*run\.migrated .*"version":"2"/)
  for (const word of ['a', 'b', 'end']) {
    await everloop(['signal', 'r', 'word', JSON.stringify(word)], { cwd })
    await everloop(['work', movedFile, '--until', 'idle'], { cwd })
  }
  const { document } = await everloopJson(['runs', 'get', 'r'], { cwd })
  expect(document).toMatchObject({ status: 'completed', version: '2', output: { said: '-a-b' } })
  expect((await everloop(['runs', 'verify', 'r'], { cwd })).code).toBe(0)
})
