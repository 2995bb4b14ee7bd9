/** A number of things, in words: "1 call", "2 calls", "3 entries". */
export const counted = (count: number, thing: string, things = `${thing}s`): string =>
  `${count} ${count === 1 ? thing : things}`
