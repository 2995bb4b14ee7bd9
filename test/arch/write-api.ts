/** `npm run api`: writes the snapshots of the public face into api/ and removes those of old ones. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot } from './api-snapshot.ts'
import { withDeclarations } from './build-declarations.ts'
import { entryPoints, packageExports, snapshotName } from './entry-points.ts'
import { root } from './source.ts'

const folder = join(root, 'api')
const texts = withDeclarations((read) =>
  [...entryPoints(packageExports())].map(
    ([subpath, entry]) => [snapshotName(subpath), snapshot(entry, read)] as const,
  ),
)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
for (const [name, text] of texts) {
  writeFileSync(join(folder, name), text)
  console.log(`api/${name}`)
}
