/** What is tested on other Nodes, compiled for the oldest: of these folders those that main.ts names. */
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
    include: ['test/*/*.test.ts'],
    // Runs the command line as a process, whose sources the oldest cannot read as they are.
    exclude: ['test/agent/secret-leaks.test.ts'],
    globalSetup: ['test/built-once.ts'],
    maxWorkers: '100%',
    isolate: false,
    testTimeout: 180_000, // long patterns take Node 26 four times as long
  },
})
