/**
 * Projects of users: the strictest settings of TypeScript, against the declarations they are given. Each
 * block of code in the documents that begins with an import is such a project.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withDeclarations } from './build-declarations.ts'
import { root } from './source.ts'

/** What npm installs with everloop, besides what a user of TypeScript on Node.js has. */
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>
}

const program = `import { agent, type ConversationItem, open, tool } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
const look = tool({ name: 'look', description: 'Looks.', effect: 'read', run: () => 'seen' })
const looker = agent({ name: 'looker', model: scriptedModel([{ text: 'Done.' }]), tools: [look] })
await using ever = await open({ flows: [looker], work: {} })
const { store } = ever
const [approval] = await ever.approvals.list()
// @ts-expect-error -- there may be none
export const id: string = approval.id
export const used: readonly unknown[] = [store, testRuntime, {} as ConversationItem]
`

/** What blocks import from files beside them. */
const beside: Readonly<Record<string, string>> = {
  'tools.ts': `import { tool } from 'everloop'
const face = { description: 'For orders.', effect: 'read', run: () => 'done' } as const
export const findOrder = tool({ ...face, name: 'find_order' })
export const refund = tool({ ...face, name: 'refund' })
`,
  'payments.ts': `export interface Payments {
  refund(order: string, cents: number, options: object): Promise<{ readonly id: string }>
  reverse(id: string): Promise<void>
  reverseByKey(key: string): Promise<void>
}
export declare const payments: Payments
`,
  'support.ts': `import { agent } from 'everloop'
export const support = agent({ name: 'support', model: 'openai/gpt-5' })
`,
  'approval.ts': `import { flow } from 'everloop'
export const approval = flow('approval', (run, { order }: { readonly order: number }) =>
  run.step('ship', () => \`shipped \${order}\`),
)
`,
}

/** The blocks that are whole modules, by a name that says where they stand. */
function blocks(): readonly (readonly [name: string, code: string])[] {
  return globSync(['*.md', 'docs/*.md'], { cwd: root }).flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n(import .*?)^```$/gms)
    return Array.from(code, ([, block = ''], i): [string, string] => [
      `${file.replaceAll(/\W/g, '-')}-${i + 1}.ts`,
      block,
    ])
  })
}

/** A library of tools and agents: the types of what it exports are written into its own declarations. */
const library = `import { action, agent, agentTool, askPerson, flow, guard, open, policy, tool } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
const input = z.object({ city: z.string().default('Ulm') })
const face = { name: 'weather', description: 'Tells the weather.', input }
export const forecast = flow({ name: 'forecast', input, run: (run, { city }) => run.step('ask', () => city) })
export const weather = tool({ ...face, effect: 'read', run: ({ city }) => ({ city }) })
export const person = askPerson({ ...face, prompt: ({ city }) => city })
export const child = agentTool(forecast, face)
export const teller = agent({ name: 'teller', model: 'openai/gpt-5', tools: [weather], output: input })
export const cancel = action('cancel', ({ city }: { readonly city: string }) => city)
export const wary = guard({ name: 'wary', at: 'call', check: () => ({ is: 'allow' }) })
export const careful = policy({ name: 'careful', guards: [wary] })
export const model = scriptedModel([])
export const all = { weather, person, child }
export const openAll = async () => {
  const ever = await open({ flows: [forecast, teller] })
  return { ever, run: await ever.start(forecast, {}), runtime: await testRuntime({ flows: [] }) }
}
`

/** Puts the declarations where npm puts a package, beside all others that this project has. */
function install(declarations: string, folder: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  cpSync(declarations, join(modules, 'everloop'), { recursive: true })
  const exports = { '.': './index.js', './testing': './testing/index.js' }
  const manifest = { name: 'everloop', type: 'module', exports }
  writeFileSync(join(modules, 'everloop', 'package.json'), JSON.stringify(manifest))
}

test('and the code of documents compile with skipLibCheck: false, noUncheckedIndexedAccess and exactOptionalPropertyTypes', () => {
  expect(Object.keys(dependencies)).toContain('@types/json-schema')
  expect(blocks().length).toBeGreaterThan(8)
  withDeclarations((_read, declarations) => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-user-'))
    install(declarations, folder)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const modules = [['user.ts', program] as const, ['library.ts', library] as const, ...blocks()]
    for (const [name, code] of [...modules, ...Object.entries(beside)]) {
      writeFileSync(join(folder, name), code)
    }
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
      skipLibCheck: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: 'out',
      allowImportingTsExtensions: true,
    }
    // A project for browsers and servers alike has the types of the web instead of Node's.
    const ofTheWeb = { lib: [...compilerOptions.lib, 'dom'], types: [] }
    const compile = (own: object, files: readonly string[]): string => {
      const config = { compilerOptions: { ...compilerOptions, ...own }, files }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      return spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' }).stdout
    }
    const found = [
      compile(
        {},
        modules.map(([name]) => name),
      ),
      compile(ofTheWeb, ['user.ts', 'library.ts']),
    ]
    rmSync(folder, { recursive: true })
    expect(found).toEqual(['', ''])
  })
})
