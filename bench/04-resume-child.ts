/**
 * Resumes the run that 04-grow-child.ts died in, tells when the next body began, and dies.
 * Usage: 04-resume-child.ts FOLDER VARIANT
 */
const begun = performance.now()
const [folder = '', variant = ''] = process.argv.slice(2)
const [{ growing }, { open }, { tellAndDie }] = await Promise.all([
  import('./growing-flow.ts'),
  import('./subject.ts'),
  import('./tell.ts'),
])

const flow = growing(variant as 'literal', {
  begun: (turn) => tellAndDie({ ms: performance.now() - begun, turn }),
  ending: () => {},
})
await open({ store: `sqlite:${folder}/ledger.db`, flows: [flow], work: {} })
