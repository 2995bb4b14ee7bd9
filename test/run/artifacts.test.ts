/** What `run.artifacts` keeps and reads, and where it may be used. */
import { expect, test } from 'vitest'
import { type Artifact, flow } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

const causeOf = (error: unknown): unknown => (error as { cause: { code: unknown } }).cause.code

test('keeps the bytes that a view shows, as they are then', async () => {
  const { buffer } = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
  const views: Readonly<Record<string, () => unknown>> = {
    'a part of bytes': () => new Uint8Array(buffer, 2, 3),
    'a DataView': () => new DataView(buffer, 1, 2),
    'numbers of two bytes': () => new Uint16Array(buffer, 4, 2),
    'all of a buffer': () => buffer,
    nothing: () => new Uint8Array(0),
  }
  const keeping = flow('keeping', async (run) => {
    const kept: Artifact[] = []
    for (const [name, view] of Object.entries(views)) {
      const put = run.artifacts.put(name, view() as Uint8Array)
      new Uint8Array(buffer)[2]! += 10 // the owner goes on writing
      kept.push(await put)
    }
    const read = async (one: Artifact): Promise<number[]> => [...(await run.artifacts.get(one))]
    return Promise.all(kept.map(read))
  })
  await using runtime = await testRuntime({ flows: [keeping] })
  expect(await runtime.result(await runtime.start(keeping, undefined))).toEqual([
    [3, 4, 5],
    [2, 13],
    [5, 6, 7, 8],
    [1, 2, 33, 4, 5, 6, 7, 8],
    [],
  ])
  await runtime.verify()
})

test('reads in the body of a step, too, which is no operation', async () => {
  const reading = flow('reading', async (run) => {
    const file = await run.artifacts.put('file', 'hello')
    await run.sleep('1h')
    return run.step('length', async () => (await run.artifacts.get(file)).byteLength)
  })
  const drive = async (runtime: { advance: (time: '1h') => Promise<void> }): Promise<void> =>
    runtime.advance('1h')
  const report = await crashAtEveryCommit(reading, undefined, { drive })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 5 }])
  expect([...report.strays, ...report.flaws]).toEqual([])
})

test('refuses to keep where the handle refuses, also when it was taken off it before', async () => {
  const straying = flow('straying', async (run) => {
    const { artifacts } = run
    const keep = async (): Promise<Artifact> => artifacts.put('a', 'x')
    const told = [
      await run.step('body', keep).catch(causeOf),
      await run.scope('inner', keep).catch(causeOf),
    ]
    await run.sleep('1h')
    return told
  })
  await using runtime = await testRuntime({ flows: [straying] })
  const run = await runtime.start(straying, undefined)
  await runtime.advance('1h')
  expect(await runtime.result(run)).toEqual(['NESTED_OPERATION', 'WRONG_SCOPE'])
  await runtime.verify()
})
