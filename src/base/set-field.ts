/** Fields of objects that are made of foreign data. */

/** Sets the field as an assignment would, even one that is called `__proto__`. */
export function setField(target: object, key: string | number, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}
