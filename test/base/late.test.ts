/** What takes room only once something is in it is otherwise a map or a set. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LateMap } from '../../src/base/late-map.ts'
import { LateSet } from '../../src/base/late-set.ts'

const change = fc.record({
  is: fc.constantFrom('put', 'put', 'delete', 'clear'),
  key: fc.constantFrom('a', 'b', 'c'),
})

test('a late map is a map', () => {
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const map = new Map<string, number>()
      const late = new LateMap<string, number>()
      for (const [i, { is, key }] of changes.entries()) {
        if (is === 'put') expect(late.set(key, i)).toBe(late)
        if (is === 'put') map.set(key, i)
        else if (is === 'delete') expect(late.delete(key)).toBe(map.delete(key))
        else map.clear()
        if (is === 'clear') late.clear()
        expect([...late]).toEqual([...map])
        expect([late.size, ...late.keys()]).toEqual([map.size, ...map.keys()])
        expect([...late.values()]).toEqual([...map.values()])
        expect([late.has(key), late.get(key)]).toEqual([map.has(key), map.get(key)])
      }
    }),
  )
})

test('a late set is a set', () => {
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const set = new Set<string>()
      const late = new LateSet<string>()
      for (const { is, key } of changes) {
        if (is === 'put') expect(late.add(key)).toBe(late)
        if (is === 'put') set.add(key)
        else if (is === 'delete') expect(late.delete(key)).toBe(set.delete(key))
        else set.clear()
        if (is === 'clear') late.clear()
        expect([late.size, late.has(key), ...late]).toEqual([set.size, set.has(key), ...set])
      }
    }),
  )
})

test('what is empty is not changed through another that is', () => {
  const [one, other] = [new LateSet<string>(), new LateSet<string>()]
  const seen = one[Symbol.iterator]()
  other.add('a')
  expect([...seen, ...one]).toEqual([])
})
