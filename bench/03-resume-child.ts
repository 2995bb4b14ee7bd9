/**
 * Executes a flow of so many steps until it stands in the one behind them, tells when that was, and
 * dies in it. Usage: 03-resume-child.ts FOLDER STEPS [begin]
 */
const begun = performance.now()
const [folder = '', steps = '', begin] = process.argv.slice(2)
const [{ flow, open }, { tellAndDie }] = await Promise.all([
  import('./subject.ts'),
  import('./tell.ts'),
])

const long = flow('long', async (run, _input: null) => {
  for (let i = 0; i < Number(steps); i++) await run.step('step', () => `${i} `.padEnd(200, 'x'))
  await run.step('last', () => tellAndDie({ ms: performance.now() - begun }))
})
const ever = await open({ store: `sqlite:${folder}/ledger.db`, flows: [long], work: {} })
if (begin) await ever.start(long, null, { id: 'long' })
