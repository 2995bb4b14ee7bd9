/**
 * A worker in a process of its own. `start`: tells how long it took to the first step of a run that
 * was due, and what its heap holds then. `answers`: tells when each answered run went on.
 * Usage: 05-worker-child.ts FILE start|answers
 */
const begun = performance.now()
const [location = '', what = ''] = process.argv.slice(2)
const [{ flow, open }, { asking, sleeping }, { memory }, { tell, tellAndDie }] = await Promise.all([
  import('./subject.ts'),
  import('./waiting-flows.ts'),
  import('./memory.ts'),
  import('./tell.ts'),
])

const ping = flow('ping', async (run) => {
  await run.step('pong', () => {
    if (what === 'start') void started(performance.now() - begun)
  })
})
const asks = asking(() => tell({ at: String(process.hrtime.bigint()) }))
const ever = await open({
  store: `sqlite:${location}`,
  flows: [asks, sleeping, ping],
  work: {},
})
if (what === 'answers') tell({})

/** The run ends first, so that nobody takes it for one that kills its worker. */
async function started(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200))
  const { heap } = await memory()
  await ever.close()
  tellAndDie({ ms, heap })
}
