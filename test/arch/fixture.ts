/**
 * A throw-away project with this project's configuration, for canaries: the tools are run as in
 * `npm run check`, on files that must be refused.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './source.ts'

const configurations = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'oxlint.config.ts',
  '.oxfmtrc.json',
  'knip.json',
]

const tools = {
  oxlint: 'oxlint/bin/oxlint',
  oxfmt: 'oxfmt/bin/oxfmt',
  knip: 'knip/bin/knip.js',
  tsc: 'typescript/bin/tsc',
}

interface Outcome {
  readonly status: number | null
  readonly output: string
}

/** A folder with the files given; disposing removes it. */
export class Fixture implements Disposable {
  readonly folder: string

  constructor(files: Record<string, string>) {
    this.folder = mkdtempSync(join(tmpdir(), 'everloop-arch-'))
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'), 'junction')
    for (const name of configurations) cpSync(join(root, name), join(this.folder, name))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true })
      writeFileSync(join(this.folder, path), text)
    }
  }

  run(tool: keyof typeof tools, ...args: readonly string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'node_modules', tools[tool]), ...args],
      {
        cwd: this.folder,
        encoding: 'utf8',
        timeout: 15_000,
        env: { ...process.env, NO_COLOR: '1' },
      },
    )
    return { status, output: stdout + stderr }
  }

  /** The folder is named, as the linter would follow the link to node_modules. */
  lint(...flags: readonly string[]): Outcome {
    return this.run('oxlint', ...flags, 'src')
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
