/**
 * A process that imports an export and is killed at a moment of its own choice: `reading` half of it,
 * `writing` the transaction, of which some lies in the log already, or `done`.
 */
import { readFileSync, statSync } from 'node:fs'
import { open } from '../../src/index.ts'

const [ledger = '', file = '', moment = ''] = process.argv.slice(2)
const text = readFileSync(file, 'utf8')
const kill = (): void => void process.kill(process.pid, 'SIGKILL')
const logBytes = (): number => statSync(`${ledger}-wal`, { throwIfNoEntry: false })?.size ?? 0

async function* source(): AsyncGenerator<string, void> {
  const half = Math.floor(text.length / 2)
  yield text.slice(0, half)
  if (moment === 'reading') kill()
  yield text.slice(half)
  if (moment !== 'writing') return
  const before = logBytes()
  const look = (): void => {
    if (logBytes() > before + 1024 * 1024) kill()
    else setImmediate(look)
  }
  look()
}

const ever = await open({ store: `sqlite:${ledger}` })
const runs = await ever.import(source())
process.stdout.write(JSON.stringify(runs))
if (moment === 'done') kill()
await ever.close()
