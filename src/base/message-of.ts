/** What a thrown thing says: its message, where it is an error. Never throws: of what is no text, it says the kind. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  try {
    return String(thrown)
  } catch {
    return Object.prototype.toString.call(thrown)
  }
}
