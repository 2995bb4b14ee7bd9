/** How the user can call this program again from here, in texts that are meant to be copied. */
import { relative } from 'node:path'
import { isClone } from './package-root.ts'

export function invocation(): string {
  const isByNpm = process.env['npm_config_user_agent'] !== undefined
  if (!isClone) return isByNpm ? 'npx everloop' : 'everloop'
  // In a clone nothing is installed as a command, and npx finds the Node of node_modules.
  const path = relative(process.cwd(), process.argv[1] ?? '')
  return isByNpm ? `npx --no -- node ${path}` : `node ${path}`
}
