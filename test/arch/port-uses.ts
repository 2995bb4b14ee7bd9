/** Code that goes past the ports, and code that only looks like it: the canary of both witnesses. */

/** Seen by the linter and by the scanner. */
export const bannedUses: readonly string[] = [
  'export const a = Date.now()',
  'export const a = Math.random()',
  'export const a = process.env',
  'export const a = process.hrtime.bigint()',
  'setTimeout(() => undefined, 1)',
  'setInterval(() => undefined, 1)',
  'setImmediate(() => undefined)',
  'export const a = { setTimeout }',
  'export const a = performance.now()',
  'export const a = crypto.randomUUID()',
  'process.nextTick(() => undefined)',
  'export const a = AbortSignal.timeout(1)',
  `import { randomBytes } from 'node:crypto'\nexport const a = randomBytes(1)`,
  `import { randomUUID as id } from 'node:crypto'\nexport const a = id()`,
]

/** Seen by the scanner alone. */
export const hiddenUses: readonly string[] = [
  'export const a = new Date()',
  'export const a = Date()',
  'export const a = globalThis.setTimeout',
  `export const a = Date['now']()`,
  'export const a = globalThis.Date.now()',
  'const { now } = Date\nexport const a = now()',
]

/** Seen by neither. */
export const harmlessUses: readonly string[] = [
  'export const a = new Date(0)',
  'export const a = Math.max(1, 2)',
  '// Date.now() and setTimeout are not used here.\nexport const a = "Math.random()"',
  'queueMicrotask(() => undefined)',
  'export const a = (clock: { now(): number }) => clock.now()',
  'export interface A { setTimeout(ms: number): void }',
  `import { createHash } from 'node:crypto'\nexport const a = createHash('sha256')`,
]
