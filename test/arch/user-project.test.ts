/**
 * Projects of users: the strictest settings of TypeScript, against the declarations they are given. Each
 * block of code in the documents that begins with an import is such a project.
 */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

test('and the code of documents compile with skipLibCheck: false, noUncheckedIndexedAccess and exactOptionalPropertyTypes', () => {
  expect(Object.keys(dependencies)).toContain('@types/json-schema')
  expect(blocks().length).toBeGreaterThan(8)
  withDeclarations((_read, folder) => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const modules = [['user.ts', program] as const, ...blocks()]
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
      noEmit: true,
      allowImportingTsExtensions: true,
      paths: { everloop: ['./index.d.ts'], 'everloop/testing': ['./testing/index.d.ts'] },
    }
    const config = JSON.stringify({ compilerOptions, files: modules.map(([name]) => name) })
    writeFileSync(join(folder, 'tsconfig.json'), config)
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    rmSync(join(folder, 'node_modules'))
    expect(stdout).toBe('')
  })
})
