/**
 * Found by the crash harness: a process that was started with a flag that threads refuse, such as
 * --max-old-space-size, could not open a SQLite store at all.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from 'everloop'

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href
const index = source('index.ts')

test.each(['--max-old-space-size=512', '--expose-gc', '--stack-trace-limit=50', '--title=agents'])(
  'a large step is recorded in a process that was started with %s',
  (flag) => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-flags-'))
    const store = `sqlite:${join(folder, 'ledger.db')}`
    // What is large is written on the store's own thread.
    const code = `const { flow, open } = await import('${index}')
      const large = flow('large', (run) => run.step('s', () => 'x'.repeat(100_000)))
      const ever = await open({ store: '${store}', flows: [large], work: {} })
      const run = await ever.start(large, null)
      console.log((await run.result()).length)
      await ever.close()`
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [flag, '--input-type=module', '--eval', code],
      { encoding: 'utf8' },
    )
    rmSync(folder, { recursive: true })
    expect(stderr).toBe('')
    expect(stdout).toBe('100000\n')
    expect(status).toBe(0)
  },
)

test('where no thread may be started, the failure says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-flags-'))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  await (await open({ store })).close() // with these flags Node.js lets nobody make the file durable
  const code = `const { flow, open } = await import('${index}')
    const large = flow('large', (run) => run.step('s', () => 'x'.repeat(100_000)))
    const onTrouble = (error) => console.log(error.code, error.message)
    const ever = await open({ store: '${store}', flows: [large], work: {}, onTrouble })
    const run = await ever.start(large, null)
    const ended = await run.result().then(() => 'ended', (error) => error.code)
    console.log('result', ended)
    await ever.close()`
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings']
  const args = [...flags, '--input-type=module', '--eval', code]
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect(stdout).toContain('result STORE_FAILED')
  expect(stdout).toMatch(
    /^STORE_FAILED .*thread that writes the store cannot be started: .*access/im,
  )
})

test('regression: a transaction that was committed is told so, although no thread can be started to keep the log short', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-flags-'))
  const location = join(folder, 'ledger.db')
  await (await open({ store: `sqlite:${location}` })).close()
  const code = `const { systemPorts } = await import('${source('base/system.ts')}')
    const { sqliteStore } = await import('${source('store/sqlite/store.ts')}')
    const { heldRun } = await import('${source('testing/store-bed.ts')}')
    const { step } = await import('${source('testing/chain-builder.ts')}')
    const store = await sqliteStore({ location: '${location}', ports: systemPorts, durability: 'process' })
    const { chain, held } = await heldRun(store)
    let told = 0
    const write = () => ({ entries: chain.append(held, [step('s' + told)]).entries })
    try {
      for (; told < 450; told++) await store.transact({ run: 'r', ...held, after: chain.head }, write)
    } catch (error) {
      console.log(error.code)
    }
    console.log(told)
    await store.close()`
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings']
  const args = [...flags, '--input-type=module', '--eval', code]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  const ever = await open({ store: `sqlite:${location}` })
  const entries = await ever.store.entries('r')
  await ever.close()
  rmSync(folder, { recursive: true })
  expect(`${entries.length - 1}\n`, stderr).toBe(stdout)
  expect(stdout).toBe('450\n')
})

test("a new store that Node's permission model lets nobody make durable is refused with what to do", () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-flags-'))
  const code = `const { open } = await import('${index}')
    await open({ store: 'sqlite:${join(folder, 'ledger.db')}' }).catch(({ code, message }) => console.log(code, message))`
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-worker']
  const args = [...flags, '--no-warnings', '--input-type=module', '--eval', code]
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect(stdout).toMatch(/^STORE_UNAVAILABLE .*fsync.*make it once without --permission/)
})
