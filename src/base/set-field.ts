/** Fields of objects that are made of foreign data. */

/** Sets the field as an assignment would, even one that is called `__proto__`. */
export function setField(target: object, key: string | number, value: unknown): void {
  if (Object.hasOwn(target, key) || !(key in target)) {
    ;(target as Record<string | number, unknown>)[key] = value
    return
  }
  // An assignment would go to what is inherited under this name.
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}
