/** The effect classes: what repeating a call does outside. */
import type { EffectClass } from '../face.ts'

const classes: readonly unknown[] = Object.keys({
  read: true,
  idempotent: true,
  once: true,
} satisfies Record<EffectClass, true>)

export const isEffectClass = (value: unknown): value is EffectClass => classes.includes(value)
