/**
 * Owns the one sentence a contributor sees when the Node at hand cannot run the sources. Plain
 * JavaScript that any Node parses, because `node src/cli/bin.ts` dies on the file extension before
 * its own check can speak. Users of the package meet the same check in src/cli/bin.ts.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `everloop needs Node 22.18 or newer, but this is Node ${process.versions.node} (${process.execPath}). In a clone, "npm rebuild node" installs Node 24 beside the other tools.\n`,
  )
  process.exitCode = 1
}
