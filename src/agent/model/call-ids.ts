/**
 * Ids of proposed calls. The loop keys its steps by them, so within one answer they are unique, not
 * empty and of bounded length, whatever the model sent; and the same answer always gets the same ids.
 */

/** Providers use up to about 60; more than this is somebody playing. */
const idUnitsMax = 150

/** The ids in order: missing ones by position, repeated ones numbered. */
export function uniqueIds(given: readonly unknown[]): string[] {
  const taken = new Set<string>()
  return given.map((id, index) => {
    const base = readable(id) || `call_${index + 1}`
    let unique = base
    for (let n = 2; taken.has(unique); n++) {
      const mark = `~${n}`
      unique = base.slice(0, idUnitsMax - mark.length) + mark
    }
    taken.add(unique)
    return unique
  })
}

/** Printable ASCII without spaces: ids become part of keys and are sent back to providers. */
function readable(id: unknown): string {
  return typeof id === 'string' ? id.replace(/[^!-~]/g, '_').slice(0, idUnitsMax) : ''
}
