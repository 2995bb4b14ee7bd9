/**
 * Examples in docstrings are code that compiles. Each becomes a function of its own that imports what it
 * uses of everloop; `run`, `ever` and the like are what they are called, and all other names that it does
 * not explain may be anything.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as everloop from 'everloop'
import * as testing from 'everloop/testing'
import { expect, test } from 'vitest'
import { readSources, root } from './source.ts'

interface Example {
  /** Where it stands. */
  readonly name: string
  readonly code: string
}

const wellKnown: Readonly<Record<string, string>> = {
  run: `import('everloop').Run`,
  ever: `import('everloop').Ever`,
  runtime: `import('everloop/testing').TestRuntime`,
  z: `typeof import('zod').z`,
}

/** What stands behind `@example` in the docstrings of a file. */
const examplesOf = ({ path, text }: { readonly path: string; readonly text: string }): Example[] =>
  Array.from(text.matchAll(/\/\*\*(.*?)\*\//gs)).flatMap(({ 1: comment = '', index }) => {
    const said = comment.replaceAll(/^ *\* ?/gm, '')
    const [, code] = /^ ?@example\s(.*)$/ms.exec(said) ?? []
    const line = text.slice(0, index).split('\n').length
    return code === undefined ? [] : [{ name: `${path}:${line}`, code: code.trim() }]
  })

/** The module that an example is, with these names declared. */
function moduleOf({ name, code }: Example, declared: Iterable<string>): string {
  const own = Array.from(code.matchAll(/\b(?:const|let|function)\s+(\w+)/g), ([, one]) => one)
  const used = Array.from(new Set(code.match(/[A-Za-z_$][\w$]*/g))).filter(
    (one) => !own.includes(one),
  )
  const from = (module: string, names: object): string =>
    `import { ${used.filter((one) => Object.hasOwn(names, one)).join(', ')} } from '${module}'`
  return [
    `// ${name}`,
    from('everloop', everloop),
    from('everloop/testing', testing),
    ...Array.from(declared, (one) => `declare const ${one}: ${wellKnown[one] ?? 'any'}`),
    `export const example = async () => {\n${code}\n}\n`,
  ].join('\n')
}

/** What the compiler says of these examples, a line for each complaint. */
function complaints(examples: readonly Example[]): readonly string[] {
  const cache = join(root, 'node_modules/.cache') // where the packages are found that they import
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'everloop-examples-'))
  const declared = examples.map(() => new Set<string>())
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: true, noUnusedLocals: false, isolatedDeclarations: false },
    include: ['*.ts'],
    exclude: [],
  }
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (;;) {
      for (const [i, example] of examples.entries()) {
        writeFileSync(join(folder, `${i}.ts`), moduleOf(example, declared[i] ?? []))
      }
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
      const said = Array.from(stdout.matchAll(/(\d+)\.ts\(.*?\): error (.*)/g))
      const unknown = said.flatMap(([, i, what = '']) => {
        const [, name] = /(?:Cannot find name|shorthand property) '(\w+)'/.exec(what) ?? []
        const names = declared[Number(i)]
        return name !== undefined && names && !names.has(name) ? [{ name, names }] : []
      })
      if (unknown.length === 0)
        return said.map(([, i, what]) => `${examples[Number(i)]?.name}: ${what}`)
      for (const { name, names } of unknown) names.add(name)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('examples in docstrings compile, and one with an option that does not exist is found out', () => {
  const examples = readSources('src').flatMap(examplesOf)
  expect(examples.length).toBeGreaterThan(40)
  const text = `/**\n * Waits.\n *\n * @example await run.sleep('1h', { kee: 'a' })\n */`
  const wrong = examplesOf({ path: 'src/a.ts', text })
  expect(complaints([...examples, ...wrong])).toEqual([
    expect.stringMatching(/^src\/a\.ts:1: TS2353: .*'kee' does not exist/),
  ])
})
