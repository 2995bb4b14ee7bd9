/** The beginning of a text, marked where the rest is left out. No character is cut through. */
export const shortened = (text: string, unitsMax: number): string =>
  text.length > unitsMax ? `${text.slice(0, unitsMax).toWellFormed()}…` : text
