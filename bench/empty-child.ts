/** What a process costs that does nothing: Node's own start, which no runtime can avoid. */
import { tellAndDie } from './tell.ts'

tellAndDie(null)
