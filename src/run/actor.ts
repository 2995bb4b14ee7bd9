/** Who did something, as records and messages hold it. */

/** The field that says who; nothing where it is not known. */
export const actor = (by: string | undefined): { readonly by?: string } =>
  by === undefined ? {} : { by }
