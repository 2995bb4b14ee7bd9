/** The limit of a resume: a fresh process reads and parses the rows. Usage: bare-read-child.ts FILE */
const begun = performance.now()
const [{ readAndParse }, { tellAndDie }] = await Promise.all([
  import('./bare.ts'),
  import('./tell.ts'),
])
const read = readAndParse(process.argv[2] ?? '')
tellAndDie({ ms: performance.now() - begun, ...read })
