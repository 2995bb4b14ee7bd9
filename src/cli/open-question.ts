/** Looks for a question that waits for its answer. */
import { type Ever, type Question, questionPlace } from '../run/index.ts'

/** Undefined when no question of this id is open. */
export async function openQuestion(ever: Ever, id: string): Promise<Question | undefined> {
  const { run } = questionPlace(id)
  return (await ever.questions({ run })).find((question) => question.id === id)
}
