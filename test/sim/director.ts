/** The director: what befalls processes, store and clock while faults are allowed. */
import type { Chance } from './chance.ts'
import type { World } from './world.ts'

/** Until when faults happen at most, in milliseconds of the world. */
const ticks = { low: 300, high: 1500 } as const

export class Director {
  readonly #world: World
  readonly #chance: Chance

  constructor(world: World) {
    this.#world = world
    this.#chance = world.faults.chance
  }

  begin(): void {
    const { scheduler, network } = this.#world
    scheduler.after(network, this.#chance.between(ticks.low, ticks.high), 'fate', () => {
      if (this.#world.faults.isOver) return
      this.#befall()
      this.begin()
    })
  }

  #befall(): void {
    this.#befallWorkers()
    this.#befallStore()
    this.#befallTime()
  }

  #befallWorkers(): void {
    const { extras, faults, living } = this.#world
    const [...nodes] = living
    if (nodes.length < 4 && faults.strikes('worker joins')) this.#world.addWorker()
    if (nodes.length === 0) return
    const node = this.#chance.pick(nodes)
    if (faults.strikes('worker crashes at any time')) {
      this.#world.crash(node.process)
    } else if (faults.strikes('worker freezes')) {
      this.#world.freeze(node.process, this.#chance.between(50, 2500))
    } else if (faults.strikes('worker freezes past its lease')) {
      this.#world.freeze(node.process, this.#world.leaseMs + this.#chance.between(500, 15_000))
    } else if (faults.strikes('worker stops gracefully')) {
      this.#world.stop(node)
      this.#replace(this.#chance.between(100, 10_000))
    } else if (
      faults.strikes('flow code is deployed again') ||
      (extras.has('deploys change agents') && this.#chance.roll(0.12))
    ) {
      this.#world.stop(node)
      this.#world.deployment++
      this.#replace(0)
    }
  }

  #befallStore(): void {
    const world = this.#world
    const { faults } = world
    if (!world.isFull && faults.strikes('store is full for a while')) {
      world.isFull = true
      this.#later(this.#chance.between(500, 15_000), () => (world.isFull = false))
    }
    if (!world.isDown && faults.strikes('store cannot be reached for a while')) {
      world.isDown = true
      this.#later(this.#chance.between(200, 20_000), () => (world.isDown = false))
    }
    if (faults.strikes('notification without a reason')) {
      for (const node of [...world.workers, ...world.clients]) node.store.tell(0, 'work')
    }
    if (faults.strikes('queue limit changes')) {
      const limit = this.#chance.pick([0, 1, 1, 2, null])
      world.limitQueue(this.#chance.pick(['default', 'slow']), limit)
    }
  }

  #befallTime(): void {
    const { faults, report } = this.#world
    if (faults.strikes('clock jumps forward')) {
      const ms = this.#chance.roll(0.1)
        ? this.#chance.between(1, 100) * 86_400_000
        : this.#chance.between(500, 60_000)
      report.trace(() => `** clock jumps ${ms} ms forward`)
      this.#world.jump(ms)
    } else if (faults.strikes('clock jumps back')) {
      const ms = this.#chance.between(500, 60_000)
      report.trace(() => `** clock jumps ${ms} ms back`)
      this.#world.jump(-ms)
    }
  }

  #replace(ms: number): void {
    this.#later(ms, () => {
      if (!this.#world.faults.isOver) this.#world.addWorker()
    })
  }

  #later(ms: number, call: () => void): void {
    this.#world.scheduler.after(this.#world.network, ms, 'fate', call)
  }
}
