/** What a thrown thing says, as far as it can be asked at all: anything may be thrown. */

/**
 * Its message, where it is an error, else the thing as a text. Never throws, and always gives a text: of what cannot
 * be had as one, it says the kind.
 */
export function messageOf(thrown: unknown): string {
  for (const say of [message, String, kind]) {
    try {
      return say(thrown)
    } catch {
      // The next one asks less of it.
    }
  }
  return 'something that cannot be shown'
}

const message = (thrown: unknown): string =>
  String(thrown instanceof Error ? thrown.message : thrown)

const kind = (thrown: unknown): string => Object.prototype.toString.call(thrown)
