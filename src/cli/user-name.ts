/** Who somebody is who does not say so: the name of the user, for the record. */
import { userInfo } from 'node:os'

/** In a container a user may have a number and no name. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
