/** Stores in files, and exports as texts, for tests. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Ever, open, type OpenOptions } from 'everloop'
import { testFolder } from '../test-folder.ts'

/** A runtime on a file of its own, or on this one, that is spared the syncs. */
export async function onFile(
  options: Omit<OpenOptions, 'store'> = {},
  file: string = join(testFolder(), 'ledger.db'),
): Promise<Ever> {
  const ever = await open({ store: `sqlite:${file}?durability=process`, ...options })
  onTestFinished(() => ever.close())
  return ever
}

/** The whole export. */
export async function exported(
  ever: Ever,
  run: string,
  options?: { readonly children?: boolean },
): Promise<string> {
  let text = ''
  for await (const line of ever.export(run, options)) text += line
  return text
}

/** What lies beside a ledger that is not SQLite's, nor of its sessions. */
export const strays = (folder: string): readonly string[] =>
  readdirSync(folder).filter((name) => !/^ledger\.db(-wal|-shm|-sessions)?$/.test(name))
