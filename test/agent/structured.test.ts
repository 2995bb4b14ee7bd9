/** Structured output: what is read, and what the model is told when it cannot be. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseStructured } from '../../src/agent/model/structured.ts'

const schema = z.object({ city: z.string(), degrees: z.number() })
const value = { city: 'Ulm', degrees: 7 }
const json = JSON.stringify(value)

describe('reads', () => {
  test.each([
    ['JSON', json],
    ['JSON with space around', `\n  ${json}\t\n`],
    ['JSON behind a byte order mark', `\uFEFF${json}`],
    ['a code fence', `\`\`\`json\n${json}\n\`\`\``],
    ['a fence without a language', `\`\`\`\n${json}\n\`\`\``],
    ['a fence that never ends', `\`\`\`json\n${json}`],
    ['words in front', `Here it is: ${json}`],
    ['words behind', `${json} I hope this helps {smile}.`],
    ['brackets in the words', `The set {a, b} gives [as said]: ${json}`],
    ['a fence that is no JSON, and then JSON', `\`\`\`sh\nls\n\`\`\`\n${json}`],
    ['brackets in texts', `Sure! {"city":"Ulm","degrees":7,"note":"}]{\\"["}`],
  ])('%s', async (_, text) => {
    expect(await parseStructured(text, schema)).toEqual({ ok: true, value })
  })

  test('any JSON, as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (any) => {
        const read = await parseStructured(JSON.stringify(any), z.unknown())
        expect(read).toEqual({ ok: true, value: JSON.parse(JSON.stringify(any)) as unknown })
      }),
    )
  })
})

describe('complains of', () => {
  test.each([
    ['nothing', '  ', 'The answer is empty.'],
    ['prose', 'It is 7 degrees in Ulm.', 'The answer is not JSON'],
    ['a trailing comma', '{"city":"Ulm","degrees":7,}', 'trailing commas'],
    ['half of it', '{"city":"Ulm","degr', 'The answer is not JSON'],
    ['a wrong type', '{"city":"Ulm","degrees":"7"}', '- degrees: '],
    ['a missing field', '{"city":"Ulm"}', '- degrees: '],
    ['the wrong thing', '[1]', '- the whole value: '],
  ])('%s', async (_, text, complaint) => {
    const read = await parseStructured(text, schema)
    expect(read).toMatchObject({ ok: false, complaint: expect.stringContaining(complaint) })
  })

  test('a hostile depth', async () => {
    const text = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(await parseStructured(text, z.unknown())).toMatchObject({ ok: false })
  })

  test('many brackets, in little time', async () => {
    const read = await parseStructured('{"a":['.repeat(200_000), z.unknown())
    expect(read).toMatchObject({ ok: false })
  })
})
