/** A map of paths finds what is inside a scope as a look at every path would. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isWithin } from '../../src/ledger/path.ts'
import { PathMap } from '../../src/ledger/path-map.ts'

const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', '1'), { maxLength: 4 })
  .map((parts) => parts.join('/'))
const change = fc.oneof(
  fc.record({ is: fc.constant('set' as const), path: path.filter((one) => one !== '') }),
  fc.record({ is: fc.constantFrom('delete' as const, 'deleteWithin' as const), path }),
  fc.record({ is: fc.constant('clear' as const), path: fc.constant('') }),
)

test('what is inside a path, and what is left when it is forgotten', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), path, (changes, scope) => {
      const map = new PathMap<number>()
      const plain = new Map<string, number>()
      for (const [i, { is, path: at }] of changes.entries()) {
        if (is === 'set') plain.set(at, i)
        else if (is === 'delete') plain.delete(at)
        else if (is === 'clear') plain.clear()
        else for (const one of plain.keys()) if (isWithin(one, at)) plain.delete(one)
        if (is === 'set') map.set(at, i)
        else if (is === 'clear') map.clear()
        else map[is](at)
        expect([...map]).toEqual([...plain])
        const inside = [...plain.keys()].filter((one) => isWithin(one, scope) && one !== scope)
        expect(map.inside(scope).toSorted()).toEqual(inside.toSorted())
      }
      expect(new PathMap(plain)).toEqual(map)
    }),
  )
})
