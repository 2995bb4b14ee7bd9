/**
 * The linter: correctness rules, the layers of ARCHITECTURE.md and the ports. test/arch checks the
 * same arrows and ports with a parser of its own, because a linter that finds nothing may also have
 * read nothing.
 */
import { defineConfig, type OxlintOverride } from 'oxlint'

interface Rule {
  /** The files it is for. */
  readonly files: string
  /** What they may import, for the message. */
  readonly may: string
  /** The same as patterns in the manner of .gitignore: `!` allows, the last match decides. */
  readonly patterns: readonly string[]
  /** True where randomness may come from node:crypto. */
  readonly random?: boolean
}

/** Modules of Node through which time and chance come in past the ports. */
const hiddenPorts = ['node:timers', 'node:timers/*', 'node:perf_hooks', 'node:process', 'node:test']

const port = 'Time, chance and the environment come through the ports of src/base/ports.ts.'

const randomness = {
  name: 'node:crypto',
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

const restrictImports = ({ files, may, patterns, random = false }: Rule): OxlintOverride => ({
  files: [files],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: random ? [] : [randomness],
        patterns: [
          // First: a negated group that matches ends the check, so nothing after it would be asked.
          { regex: String.raw`(^\./|[^.]/)\.\./`, message: 'No detours in an import path.' },
          {
            group: ['*', '!./**', ...patterns],
            message: `${files} may import: ${may}.`,
          },
        ],
      },
    ],
  },
})

interface Layer {
  readonly folder: string
  /** What of src it may import beside its own folder. */
  readonly from: readonly string[]
  /** Packages and modules of Node, in the manner of .gitignore. */
  readonly packages?: readonly string[]
  readonly random?: boolean
}

/** Two rules, as an upward path reads differently in the folder and in the folders below it. */
const layer = ({ folder, from, packages = [], random = false }: Layer): Rule[] => {
  const may = ['its own folder', ...from, ...packages.filter((p) => p.startsWith('!'))].join(', ')
  const above = from.map((path) => `!../${path}`)
  const twoAbove = from.map((path) => `!../../${path}`)
  return [
    { files: `src/${folder}/*.ts`, may, patterns: [...above, ...packages], random },
    {
      files: `src/${folder}/*/**`,
      may,
      patterns: ['!../**', '../../**', ...twoAbove, ...packages],
      random,
    },
  ]
}

const restrictPorts: OxlintOverride = {
  files: ['src/{base,ledger,store,run,agent,scripted}/**'],
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
    // What comes out of a ledger or a database has the type its author gave it.
    'typescript/no-unsafe-type-assertion': 'off',
    // Names the type that a caller reads a record as.
    'typescript/no-unnecessary-type-parameters': 'off',
    // Does not know template literal types of numbers.
    'typescript/no-redundant-type-constituents': 'off',
    // What was thrown only claims to have texts for a name and a message.
    'typescript/no-unnecessary-type-conversion': 'off',
    'promise/always-return': 'off', // a chain whose last link returns nothing is a chain all the same
    // tsc's noImplicitReturns knows that a switch over a union is exhaustive; this rule does not.
    'consistent-return': 'off',
    'vitest/valid-expect': ['error', { maxArgs: 2 }], // the second is the message
    'unicorn/require-post-message-target-origin': 'off', // mistakes worker ports for windows
  },
  overrides: [
    {
      files: ['test/**'],
      rules: {
        // A function stands beside the tests that it is for.
        'unicorn/consistent-function-scoping': 'off',
        'no-shadow': 'off', // the inner run of a flow shadows the outer one on purpose
        // Tables of cases call `expect` from functions.
        'vitest/no-standalone-expect': 'off',
        'vitest/no-conditional-expect': 'off',
        'import/no-named-as-default-member': 'off', // `fc.` is how fast-check is written
        // What is refused by the type system is what some tests are about.
        'no-sparse-arrays': 'off',
        'typescript/no-extraneous-class': 'off',
        'typescript/no-unnecessary-type-arguments': 'off',
        'typescript/no-unnecessary-type-assertion': 'off',
      },
    },
    // Of overrides that match one file and set one rule, the last wins: general before special.
    ...[
      {
        files: 'src/*.ts',
        may: 'base, ledger, store, run and agent',
        patterns: ['./cli/**', './testing/**', './scripted/**'],
      },
      ...layer({ folder: 'base', from: [] }),
      {
        files: 'src/base/system.ts',
        may: 'base, node:crypto and node:fs',
        patterns: ['!node:crypto', '!node:fs'],
        random: true,
      },
      {
        files: 'src/base/following.ts',
        may: 'base and node:events',
        patterns: ['!node:events'],
      },
      ...layer({ folder: 'ledger', from: ['base/**'], packages: ['!node:crypto'] }),
      {
        files: 'src/store/*.ts',
        may: 'base, ledger, the shared files of store, and node: except what hides a port',
        patterns: [
          '!../base/**',
          '!../ledger/**',
          './*/**',
          './memory.ts',
          '!node:*',
          '!node:*/*',
          ...hiddenPorts,
        ],
      },
      {
        files: 'src/store/*/**',
        may: 'base, ledger, the shared files of store, and node: except what hides a port',
        patterns: [
          '!../../base/**',
          '!../../ledger/**',
          '!../*.ts',
          '../memory.ts',
          '!node:*',
          '!node:*/*',
          ...hiddenPorts,
        ],
      },
      ...layer({
        folder: 'run',
        from: ['base/**', 'ledger/**', 'store/store.ts'],
        packages: [
          '!node:async_hooks',
          '!node:crypto',
          '!node:zlib',
          '!@standard-schema/spec',
          '!@cfworker/json-schema',
        ],
      }),
      ...layer({
        folder: 'agent',
        from: ['base/**', 'ledger/**', 'run/**'],
        packages: [
          '!node:crypto',
          '!@standard-schema/spec',
          '!@ai-sdk/*',
          '!@cfworker/json-schema',
          '!re2js',
          '!node:module',
        ],
      }),
      ...layer({
        folder: 'scripted',
        from: ['base/**'],
        packages: ['!node:http', '!node:net', '!@ai-sdk/provider'],
      }),
      ...layer({
        folder: 'testing',
        from: [
          'index.ts',
          'base/**',
          'ledger/**',
          'store/store.ts',
          'store/memory.ts',
          'run/index.ts',
          'agent/environment.ts',
          'scripted/**',
        ],
        packages: ['!node:*', '!node:*/*', 'node:test'],
        random: true,
      }),
      {
        files: 'src/cli/**',
        may: 'everything but testing and test runners',
        patterns: ['!**', '../testing/**', 'everloop', 'everloop/**', 'node:test', 'vitest'],
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
