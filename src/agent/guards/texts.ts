/** The texts inside untrusted values: found, and replaced. */
import { setField } from '../../base/set-field.ts'

/** Calls back with each text and number in the value, keys too, until told to stop. True when it was. */
export function someText(value: unknown, is: (text: string) => boolean): boolean {
  const open: unknown[] = [value]
  const seen = new Set<object>()
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'bigint') {
      if (is(String(one))) return true
    } else if (typeof one === 'object' && one !== null && !seen.has(one)) {
      seen.add(one)
      if (one instanceof Map || one instanceof Set) open.push(...partsOf(one))
      else if (one instanceof Uint8Array) open.push(Buffer.from(one).toString('latin1'))
      else {
        for (const [key, child] of Object.entries(one)) {
          if (!Array.isArray(one)) open.push(key)
          open.push(child)
        }
        if (one instanceof Error) open.push(one.name, one.message)
      }
    }
  }
  return false
}

/**
 * The value with each text replaced, keys included, and each number whose text would be. Returns the very
 * value when nothing changes. For plain data only.
 */
export function mapTexts(value: unknown, map: (text: string) => string, level = 0): unknown {
  if (typeof value === 'string') return map(value)
  if (typeof value === 'number' || typeof value === 'bigint') {
    const text = map(String(value))
    return text === String(value) ? value : text
  }
  if (typeof value !== 'object' || value === null || level > levelsMax) return value
  if (Array.isArray(value)) {
    const list = value.map((item: unknown) => mapTexts(item, map, level + 1))
    return list.some((item, i) => item !== value[i]) ? list : value
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  let isSame = true
  const object = {}
  for (const [key, child] of Object.entries(value)) {
    const name = map(key)
    const made = mapTexts(child, map, level + 1)
    isSame &&= name === key && made === child
    setField(object, name, made)
  }
  return isSame ? value : object
}

const levelsMax = 500

function partsOf(one: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): unknown[] {
  return one instanceof Map ? [...one.keys(), ...one.values()] : [...(one as ReadonlySet<unknown>)]
}
