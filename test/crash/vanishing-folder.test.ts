/**
 * Found by the sweep "client killed, worker elsewhere": a process that closed removed the empty
 * folder of the sessions' locks just when another had made sure of it and was about to use it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Liveness } from '../../src/store/sqlite/liveness.ts'

test('a session begins although others keep removing the folder of its lock', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-vanishing-'))
  const location = join(folder, 'ledger.db')
  const code = `const { rmdirSync } = require('node:fs')
    console.log('ready')
    for (const end = Date.now() + 10000; Date.now() < end;) try { rmdirSync(process.argv[1]) } catch {}`
  const remover = spawn(process.execPath, ['--eval', code, `${location}-sessions`])
  await once(remover.stdout, 'data')
  const liveness = new Liveness(location)
  try {
    expect(() => {
      for (let i = 0; i < 300; i++) {
        liveness.hold(`token ${i}`)
        liveness.letGo(`token ${i}`)
      }
    }).not.toThrow()
  } finally {
    remover.kill('SIGKILL')
    liveness.close()
    rmSync(folder, { recursive: true })
  }
})
