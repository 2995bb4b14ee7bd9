/**
 * The second half of `npm run build`: joins the modules that tsc has emitted into a few files,
 * because a process that goes on with a run pays for each module that it loads: about 80 of them take
 * 60 to 80 ms of processor time, these few a quarter of it. Declarations stay as tsc emits them.
 */
import { defineConfig } from 'rolldown'

const emitted = 'node_modules/.cache/everloop'

export default defineConfig({
  input: {
    index: `${emitted}/index.js`,
    'testing/index': `${emitted}/testing/index.js`,
    'cli/bin': `${emitted}/cli/bin.js`,
    // Flow files, loaded by their paths: see src/cli/demo/process.ts.
    'cli/demo/audit-work': `${emitted}/cli/demo/audit-work.js`,
    'cli/demo/survey': `${emitted}/cli/demo/survey.js`,
    // Loaded by its URL, beside the file that starts it: see src/store/sqlite/thread.ts.
    'writer-thread': `${emitted}/store/sqlite/writer-thread.js`,
  },
  platform: 'node',
  external: /^[^./]/,
  output: { dir: 'dist', chunkFileNames: '[name].js' },
})
