/** A charge stands first in a payload, and is found there whatever names it holds. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { behindCharge, chargeOf, encode, withoutCharge } from '../../src/ledger/index.ts'

const names = fc.oneof(fc.string(), fc.constantFrom('}},"value":', '"}},', '\\', '__proto__'))

test('what stands behind a charge is found', () => {
  fc.assert(
    fc.property(
      fc.array(names),
      fc.dictionary(names, fc.integer()),
      fc.option(fc.constantFrom('to first', 'amounts first')),
      (to, amounts, order) => {
        const charge = order === 'to first' ? { to, amounts } : { amounts, to }
        const rest = { value: { charge, value: 1 } }
        const payload = encode(order === null ? rest : { charge, ...rest })
        expect(`{${payload.slice(behindCharge(payload))}`).toBe(encode(rest))
        expect(withoutCharge(payload)).toBe(encode(rest))
        expect(chargeOf({ payload })).toEqual(order === null ? undefined : charge)
      },
    ),
  )
})
