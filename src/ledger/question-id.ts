/** How a question is named: by the run that asks it, and the number of the entry in which it does. */

/** The id of the question that this entry of the run asks. */
export const questionId = (run: string, seq: number): string => `${run}/${seq}`

/** The run that a question's id names, and the number of the entry; 0 for a text that names none. */
export function questionPlace(id: string): { readonly run: string; readonly seq: number } {
  const at = Math.max(0, id.lastIndexOf('/'))
  const number = id.slice(at + 1)
  return { run: id.slice(0, at), seq: /^[1-9]\d{0,14}$/.test(number) ? Number(number) : 0 }
}
