/**
 * Resumes the agent that 07-long-child.ts died in, tells when its model was asked again, and dies.
 * Usage: 07-resume-child.ts FOLDER
 */
const begun = performance.now()
const [folder = ''] = process.argv.slice(2)
const [{ working }, { open }, { tellAndDie }] = await Promise.all([
  import('./agent-flow.ts'),
  import('./subject.ts'),
  import('./tell.ts'),
])

const agent = working(
  { effect: 'read', isBulky: true },
  { asked: (turn) => tellAndDie({ ms: performance.now() - begun, turn }) },
)
await open({ store: `sqlite:${folder}/ledger.db`, flows: [agent], work: {} })
