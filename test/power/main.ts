/**
 * Power cuts: records a load and checks images of what a cut may leave.
 *
 *   node test/power/main.ts [--images 2000] [--seed 1]
 *   node test/power/main.ts --image 17         one image, kept; give the same --images and --seed
 *
 * Then the same with the weaker durability as a control: it must be seen to lose something. Ends
 * with 1 when an image is bad, or when the control is not.
 */
import { parseArgs } from 'node:util'
import { type Cut, cutPower } from './cuts.ts'
import { record } from './record.ts'

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    image: { type: 'string' },
  },
})
const images = Number(values.images)
const seed = Number(values.seed)
const only = values.image === undefined ? undefined : Number(values.image)

const recorded = await record('power-cut')
const cuts = await cutPower(recorded, { images, seed, resumeEvery: 20, only, onBad: tell })
console.log(
  `power-cut: ${recorded.calls.length} calls, ${only === undefined ? images : 1} images, ${cuts.resumed} resumed to the end, ${cuts.bad.length} bad, ${Math.round(cuts.ms / 1000)} s${cuts.folder === undefined ? '' : `, files in ${cuts.folder}`}`,
)
let isGood = cuts.bad.length === 0

if (only === undefined) {
  const weaker = await record('process')
  const control = await cutPower(weaker, { images: 200, seed, resumeEvery: Infinity })
  const broken = control.bad.length - control.lossy
  console.log(
    `control (durability=process): ${weaker.calls.length} calls, 200 images, ${control.lossy} lost something acknowledged, ${broken} bad otherwise`,
  )
  if (control.lossy === 0) {
    console.log('The control lost nothing: these images prove nothing.')
    isGood = false
  }
}
process.exitCode = isGood ? 0 : 1

function tell({ image, calls, violations }: Cut): void {
  console.log(
    `BAD  node test/power/main.ts --images ${images} --seed ${seed} --image ${image}   (after ${calls} calls)`,
  )
  for (const { kind, what } of violations.slice(0, 5)) console.log(`       ${kind}: ${what}`)
  if (violations.length > 5) console.log(`       and ${violations.length - 5} more`)
}
