/** Where a demo keeps its ledger, its report and what it has called. */
import { mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a new folder, which stays when the demo is over: people are told to look into it. */
export const demoPlace = (): string => mkdtempSync(join(realpathSync(tmpdir()), 'everloop-demo-'))
