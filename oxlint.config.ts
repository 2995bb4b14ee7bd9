/**
 * The linter: correctness rules, the layers of ARCHITECTURE.md and the ports. test/arch checks the
 * same arrows and ports with a parser of its own, because a linter that finds nothing may also have
 * read nothing.
 */
import { defineConfig, type OxlintOverride } from 'oxlint'

interface Layer {
  /** The files of the layer. */
  readonly files: string
  /** What they may import beside their own folder, for the message. */
  readonly may: string
  /** The same as patterns in the manner of .gitignore: `!` allows, the last match decides. */
  readonly patterns: readonly string[]
  /** True for the file that is the port to randomness. */
  readonly random?: boolean
}

/** A layer seen from a file in its folder and from one in a folder below. */
const layers = (...names: readonly string[]): string[] =>
  names.flatMap((name) => [`!../${name}/**`, `!../../${name}/**`])

/** Modules of Node through which time and chance come in past the ports. */
const hiddenPorts = ['node:timers', 'node:timers/*', 'node:perf_hooks', 'node:process', 'node:test']

const port = 'Time, chance and the environment come through the ports of src/base/ports.ts.'

const randomness = {
  group: ['node:crypto'],
  importNames: [
    'default',
    'getRandomValues',
    'randomBytes',
    'randomFill',
    'randomFillSync',
    'randomInt',
    'randomUUID',
    'webcrypto',
  ],
  message: port,
}

const restrictImports = ({ files, may, patterns, random = false }: Layer): OxlintOverride => ({
  files: [files],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          // First: a negated group that matches ends the check, so nothing after it would be asked.
          { regex: String.raw`(^\./|[^.]/)\.\./`, message: 'No detours in an import path.' },
          ...(random ? [] : [randomness]),
          {
            group: ['*', '!./**', ...patterns],
            message: `${files} may import: its own folder${may === '' ? '' : `, ${may}`}.`,
          },
        ],
      },
    ],
  },
})

const restrictPorts: OxlintOverride = {
  files: ['src/{base,ledger,store,run}/**'],
  rules: {
    'no-restricted-globals': [
      'error',
      ...[
        'setTimeout',
        'setInterval',
        'setImmediate',
        'clearTimeout',
        'clearInterval',
        'clearImmediate',
        'performance',
        'crypto',
      ].map((name) => ({ name, message: port })),
    ],
    'no-restricted-properties': [
      'error',
      ...Object.entries({
        Date: ['now'],
        Math: ['random'],
        process: ['env', 'hrtime', 'uptime', 'nextTick'],
        AbortSignal: ['timeout'],
        crypto: ['randomUUID', 'randomBytes', 'getRandomValues'],
      }).flatMap(([object, properties]) =>
        properties.map((property) => ({ object, property, message: port })),
      ),
    ],
  },
}

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'vitest'],
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['api/**', 'dist/**'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: true }],
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-require-imports': 'error',
    'unicorn/require-post-message-target-origin': 'off', // mistakes worker ports for windows
  },
  overrides: [
    // Of overrides that match one file and set one rule, the last wins: general before special.
    ...[
      {
        files: 'src/*.ts',
        may: 'base, ledger, store, run',
        patterns: ['!./**', './cli/**', './testing/**'],
      },
      { files: 'src/base/**', may: '', patterns: [] },
      { files: 'src/base/system.ts', may: 'node:crypto', patterns: ['!node:crypto'], random: true },
      {
        files: 'src/ledger/**',
        may: 'base, node:crypto',
        patterns: [...layers('base'), '!node:crypto'],
      },
      {
        files: 'src/store/**',
        may: 'base, ledger and node: except timers',
        patterns: [...layers('base', 'ledger'), '!node:*', '!node:*/*', ...hiddenPorts],
      },
      {
        files: 'src/store/*/**',
        may: 'base, ledger, the files beside its folder and node: except timers',
        patterns: [
          ...layers('base', 'ledger'),
          '!../*.ts',
          '../memory.ts',
          '!node:*',
          '!node:*/*',
          ...hiddenPorts,
        ],
      },
      {
        files: 'src/run/**',
        may: 'base, ledger, store/store.ts, node:async_hooks, node:crypto and the schema packages',
        patterns: [
          ...layers('base', 'ledger'),
          '!../store/store.ts',
          '!../../store/store.ts',
          '!node:async_hooks',
          '!node:crypto',
          '!@standard-schema/spec',
          '!@cfworker/json-schema',
        ],
      },
      {
        files: 'src/testing/**',
        may: 'the public index.ts, base, ledger, store/store.ts and node: except node:test',
        patterns: [
          ...layers('base', 'ledger'),
          '!../index.ts',
          '!../store/store.ts',
          '!node:*',
          '!node:*/*',
          'node:test',
        ],
        random: true,
      },
      {
        files: 'src/cli/**',
        may: 'everything but testing',
        patterns: ['!**', '../testing/**'],
        random: true,
      },
    ].map(restrictImports),
    restrictPorts,
    {
      // The files that are the ports.
      files: ['src/base/system.ts'],
      rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
    },
  ],
})
