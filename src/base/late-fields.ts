/**
 * Fields that are made when somebody asks for them. They are the object's own, so that they survive when
 * code copies or wraps it.
 *
 * Objects of one kind share their getters. Where each brings functions of its own, as a literal with
 * `get` does, V8 makes hidden classes that only a full collection takes away: until then all that those
 * functions reach stays alive, and each collection of the young copies it.
 */

/** What the fields of an object are made from. No private field: those are not seen through a wrapper. */
const source = Symbol('source')

/** Returns a function that gives an object such fields: each is made anew from what it is handed. */
export function lateFields<Source extends object, Late extends object>(makers: {
  readonly [Name in keyof Late]: (from: Source) => Late[Name]
}): <Rest extends object>(object: Rest, from: Source) => Rest & Late {
  const names = Object.keys(makers) as (keyof Late)[]
  const fields = names.map((name) => {
    const make = makers[name]
    const get = function (this: { readonly [source]: Source }): unknown {
      return make(this[source])
    }
    return { name, property: { get, enumerable: true, configurable: true } }
  })
  return <Rest extends object>(object: Rest, from: Source) => {
    Object.defineProperty(object, source, { value: from })
    for (const { name, property } of fields) Object.defineProperty(object, name, property)
    return object as Rest & Late
  }
}
