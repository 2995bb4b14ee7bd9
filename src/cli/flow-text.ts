/** A version of a flow, for people, and what serves its runs. */

interface Version {
  readonly flow: string
  readonly version: string
}

export const flowText = ({ flow, version }: Version): string =>
  `flow "${flow}" in version "${version}"`

export const serveCommand = (of: Version): string =>
  `everloop work FILE (a file that exports ${flowText(of)})`
