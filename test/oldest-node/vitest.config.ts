/** What is tested on the oldest Node: its tests are compiled for it, and none starts sources as a process. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('../..', import.meta.url))

export default defineConfig({
  root,
  oxc: { target: 'es2022' },
  resolve: {
    alias: [
      { find: /^everloop$/, replacement: `${root}src/index.ts` },
      { find: /^everloop\/testing$/, replacement: `${root}src/testing/index.ts` },
    ],
  },
  test: {
    include: ['conformance', 'ledger', 'agent'].map((folder) => `test/${folder}/*.test.ts`),
    // Runs the command line as a process, whose sources this Node cannot read as they are.
    exclude: ['test/agent/secret-leaks.test.ts'],
    maxWorkers: '100%',
    isolate: false,
    testTimeout: 60_000,
  },
})
