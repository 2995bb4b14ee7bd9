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
    ['JSON in the words that is something else', `Draft: [1] see {"note":1}.\n${json}`],
    ['JSON in a fence that is something else', `\`\`\`json\n[1]\n\`\`\`\n${json}`],
    ['JSON before a fence that is something else', `${json}, made by:\n\`\`\`json\n[1]\n\`\`\``],
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

/** A root that is no object is asked for in the field `value` of one. */
describe('reads out of the object around it', () => {
  const texts = z.array(z.string())
  const either = z.union([z.object({ value: z.string() }), z.string()])
  test.each<[string, string, z.ZodType, unknown]>([
    ['what was asked for', '{"value":["a"]}', texts, ['a']],
    ['behind words too', 'See [1]: {"value":["a"]}', texts, ['a']],
    ['nothing where it came without', '["a"]', texts, ['a']],
    ['an object that looks the same', '{"value":{"value":"a"}}', either, { value: 'a' }],
    [
      'nothing of an object that was asked for',
      '{"value":1}',
      z.object({ value: z.int() }),
      { value: 1 },
    ],
    ['nothing where anything may come', '{"value":1}', z.unknown(), { value: 1 }],
  ])('%s', async (_, text, asked, read) => {
    expect(await parseStructured(text, asked)).toEqual({ ok: true, value: read })
  })

  test('or complains of what is in there', async () => {
    const read = await parseStructured('{"value":["a",1]}', texts)
    expect(read).toMatchObject({ ok: false, complaint: expect.stringContaining('- 1: ') })
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
    ['what is meant, not of what is cited', 'By [1]: {"city":"Ulm"} [2]', '- degrees: '],
    ['the wrong thing', '[1]', '- the whole value: '],
  ])('%s', async (_, text, complaint) => {
    const read = await parseStructured(text, schema)
    expect(read).toMatchObject({ ok: false, complaint: expect.stringContaining(complaint) })
  })

  test('a hostile depth', async () => {
    const text = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(await parseStructured(text, z.unknown())).toMatchObject({ ok: false })
  })

  test('many values, in little time', async () => {
    const read = await parseStructured('[1] '.repeat(200_000), schema)
    expect(read).toMatchObject({ ok: false })
  })

  test('many brackets, in little time', async () => {
    const read = await parseStructured('{"a":['.repeat(200_000), z.unknown())
    expect(read).toMatchObject({ ok: false })
  })
})
