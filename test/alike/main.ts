/**
 * Long stories of the SQLite store, opened twice, beside the memory store: the simulator proves the runtime on the
 * memory store, so what it proves holds for SQLite as far as both do the same.
 *
 *   node test/alike/main.ts --stories 60 [--from 1] [--acts 400]
 *
 * A story is the same every time. Ends with 1 when any shows a difference.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemPorts } from '../../src/base/system.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { sequence } from '../../src/testing/alike/dice.ts'
import { tellStory } from '../../src/testing/alike/story.ts'

const { values } = parseArgs({
  options: {
    stories: { type: 'string', default: '60' },
    from: { type: 'string', default: '1' },
    acts: { type: 'string', default: '400' },
  },
})
const [stories, from, acts] = [values.stories, values.from, values.acts].map(Number) as [
  number,
  number,
  number,
]

let differences = 0
const begun = performance.now()
for (let seed = from; seed < from + stories; seed++) {
  await tell(seed).catch((error: unknown) => {
    differences++
    console.log(
      `BAD  node test/alike/main.ts --stories 1 --from ${seed} --acts ${acts}\n${String(error)}`,
    )
  })
}
const seconds = Math.round((performance.now() - begun) / 1000)
console.log(`${stories} stories of ${acts} acts, ${differences} differences, ${seconds} s`)
process.exitCode = differences === 0 && stories > 0 ? 0 : 1

async function tell(seed: number): Promise<void> {
  let now = 1_700_000_000_000
  const clock = { now: () => now, advance: (ms: number) => (now += ms) }
  const folder = await mkdtemp(join(tmpdir(), 'everloop-alike-'))
  const options = { location: join(folder, 'ledger.db'), ports: { ...systemPorts, clock } }
  const subject = [await sqliteStore(options), await sqliteStore(options)]
  const memory = memoryStore({ clock })
  try {
    await tellStory({ subject, memory, clock, pick: sequence(seed), acts })
  } finally {
    for (const store of subject) await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}
