/**
 * The second half of `npm run build`: joins the modules that tsc has emitted into a few files,
 * because a process that goes on with a run pays for each module that it loads: about 80 of them take
 * 60 to 80 ms of processor time, these few a quarter of it. Declarations stay as tsc emits them. A program,
 * because the command of rolldown prints a table, before each example that builds first.
 */
import { build, type Plugin, type RolldownOptions, rolldown } from 'rolldown'

const common = { platform: 'node', external: /^[^./]/ } as const satisfies RolldownOptions

/**
 * Users bundle the package once more, into one file that lies elsewhere. What is found beside a file or loaded by
 * `createRequire` would not be in it, and would be missed only under load. So the thread's code
 * becomes a text, and what is loaded late a CommonJS module: the one form that is late, at once, and followed
 * by bundlers.
 */
const bundledAgain: Plugin = {
  name: 'bundled-again',
  async transform(code, id) {
    if (/\/store\/sqlite\/thread-source\.[jt]s$/.test(id)) {
      const thread = await threadCode(id.replace('thread-source', 'writer-thread'))
      const text = `encodeURIComponent(${JSON.stringify(thread)})`
      return `export const threadSource = new URL('data:text/javascript,' + ${text})`
    }
    if (!/\/agent\/late-modules\.[jt]s$/.test(id)) return undefined
    const loads = [...code.matchAll(/^export const (\w+) = \(\)[^=]*=>\s+load\(('[^']+')\)/gm)]
    if (loads.length === 0) throw new Error('late-modules.ts loads nothing that is known here.')
    const source = loads.map(([, name, path]) => `exports.${name} = () => require(${path})\n`)
    this.emitFile({ type: 'asset', fileName: 'late-modules.cjs', source: source.join('') })
    return `export { ${loads.map(([, name]) => name).join(', ')} } from './late-modules.cjs'`
  },
  resolveId: (id) => (id === './late-modules.cjs' ? { id, external: true } : undefined),
}

/** The thread in one module without imports but those of Node.js, under a name that stacks can show. */
async function threadCode(input: string): Promise<string> {
  const bundle = await rolldown({ ...common, input })
  const { output } = await bundle.generate({ comments: false })
  return `${output[0].code}//# sourceURL=everloop/writer-thread.js`
}

/** The package's files of the modules in a folder: those that tsc has emitted, or the sources themselves. */
export const packaged = (folder: string, extension: 'js' | 'ts') =>
  ({
    ...common,
    input: {
      index: `${folder}/index.${extension}`,
      'testing/index': `${folder}/testing/index.${extension}`,
      'cli/bin': `${folder}/cli/bin.${extension}`,
      // Flow files, loaded by their paths: see src/cli/demo/process.ts.
      'cli/demo/audit-work': `${folder}/cli/demo/audit-work.${extension}`,
      'cli/demo/survey': `${folder}/cli/demo/survey.${extension}`,
    },
    plugins: [bundledAgain],
    output: { dir: 'dist', chunkFileNames: '[name].js' },
  }) as const satisfies RolldownOptions

if (import.meta.main) await build(packaged('node_modules/.cache/everloop', 'js'))
