/**
 * Packages that are loaded when they are needed first, and at once: `import()` would take real time in
 * the middle of a guard, which a deadline counts and a simulation cannot repeat. In the package this is
 * CommonJS, which bundlers follow, too: rolldown.config.ts.
 */
import { createRequire } from 'node:module'
import type * as JsonSchemaPackage from '@cfworker/json-schema'
import type * as Re2Package from 're2js'

const load = createRequire(import.meta.url)

/** The linear engine for regular expressions. */
export const re2 = (): typeof Re2Package => load('re2js') as typeof Re2Package

/** The checker of JSON Schemas. */
export const jsonSchemas = (): typeof JsonSchemaPackage =>
  load('@cfworker/json-schema') as typeof JsonSchemaPackage
