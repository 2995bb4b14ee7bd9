/**
 * How the tests run. The first statement refuses a Node that this project does not test on: npm
 * scripts use the Node of node_modules, but when its install script was skipped they silently fall
 * back to the system's, and half of the suite would fail for reasons that have nothing to do with it.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `The tests need Node 24 or newer, but this is Node ${process.versions.node} (${process.execPath}). Run "npm rebuild node" to bring the Node of node_modules back.`,
  )
}

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests see the sources under the package's name, so a stale dist can never be what was tested.
    alias: [
      { find: /^everloop$/, replacement: source('index.ts') },
      { find: /^everloop\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    allowOnly: false,
    globalSetup: ['test/built-once.ts'],
    // V8 sometimes ends a process that also runs threads, with "Check failed: jit_page.has_value()" or SIGSEGV
    // (nodejs/node issue 64500): once in thousands of threads, when one makes a faster wrapper for
    // WebAssembly (Runtime_TierUpWasmToJSWrapper) and frees another too early. Here WebAssembly takes the types out of
    // the sources that a writer thread loads; in the package threads have none. So no wrapper is made
    // faster; and memory protection keys, which guard the same pages, are off.
    execArgv: ['--no-memory-protection-keys', '--wasm-wrapper-tiering-budget=1000000000'],
    // By default one core is left idle, and of two cores that is half the machine.
    maxWorkers: '100%',
    // Files share a process for each worker: one for each file took a quarter of all the time. A test
    // that changes what belongs to the process puts it back.
    isolate: false,
    // What hangs is found all the same; two busy cores must not turn a test of one second into it.
    testTimeout: 60_000,
    expect: { poll: { timeout: 50_000 } },
  },
})
