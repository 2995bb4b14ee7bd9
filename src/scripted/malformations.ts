/**
 * Ways in which models and what stands between them and us get it wrong, by name. Some change what is
 * said (`distort`), the others how it travels (see distort-wire.ts).
 */

/** What `malformed` of a scripted answer may be. */
export const malformations = [
  // What is said.
  'bad-json',
  'trailing-comma',
  'deep-json',
  'wrong-tool-name',
  'no-tool-name',
  'duplicate-ids',
  'no-ids',
  'code-fence',
  'null-content',
  'nul-and-surrogates',
  'missing-usage',
  'negative-usage',
  'string-usage',
  'unknown-finish-reason',
  'missing-finish-reason',
  // How it travels.
  'cut-before-first-chunk',
  'cut-mid-json',
  'cut-mid-utf8',
  'cut-before-finish',
  'events-out-of-order',
  'utf8-split',
  'input-split',
  'huge-line',
  'empty-body',
  'html',
  'error-in-200',
  'redirect',
  'slow-drip',
  'connection-reset',
  'wrong-content-type',
  'bom',
  'unknown-event',
  'double-finish',
] as const

/** A way to get an answer wrong, by its name. */
export type Malformation = (typeof malformations)[number]
