/** Every error code is documented and nothing else is, and the canary of the comparison. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorCodes } from '../../src/base/errors.ts'
import { checkErrorCodes } from './error-codes.ts'
import { root } from './source.ts'

test('docs/errors.md has one heading for each error code', () => {
  const markdown = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  expect(checkErrorCodes(Object.keys(errorCodes), markdown)).toEqual([])
})

test('a missing, an unknown and a repeated heading are found', () => {
  const markdown = '# Errors\n\n## Runs\n\n### `FENCED`\n\n### GONE\n\n### GONE\n'
  expect(checkErrorCodes(['FENCED', 'STALLED'], markdown)).toEqual([
    'STALLED has no heading.',
    'GONE is no error code.',
    'GONE is no error code.',
    'GONE has two headings.',
  ])
})
