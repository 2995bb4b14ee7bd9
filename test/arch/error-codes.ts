/** Holds the list of error codes and their headings in the documentation against each other. */

/** One sentence for each code without a heading and each heading without a code. */
export function checkErrorCodes(codes: readonly string[], markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#{2,6} +`?([A-Z][A-Z0-9_]+)`? *$/gm)].map(
    ([, code = '']) => code,
  )
  const twice = headings.filter((code, index) => headings.indexOf(code) !== index)
  return [
    ...codes.filter((code) => !headings.includes(code)).map((code) => `${code} has no heading.`),
    ...headings.filter((code) => !codes.includes(code)).map((code) => `${code} is no error code.`),
    ...twice.map((code) => `${code} has two headings.`),
  ]
}
