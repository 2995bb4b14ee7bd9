/** Projects of users: the strictest settings of TypeScript, against the declarations they are given. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

test('compile with skipLibCheck: false, noUncheckedIndexedAccess and exactOptionalPropertyTypes', () => {
  expect(Object.keys(dependencies)).toContain('@types/json-schema')
  withDeclarations((_read, folder) => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'user.ts'), program)
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
      paths: { everloop: ['./index.d.ts'], 'everloop/testing': ['./testing/index.d.ts'] },
    }
    const config = JSON.stringify({ compilerOptions, files: ['user.ts'] })
    writeFileSync(join(folder, 'tsconfig.json'), config)
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    rmSync(join(folder, 'node_modules'))
    expect(stdout).toBe('')
  })
})
