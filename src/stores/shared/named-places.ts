/** Puts what a driver takes in the place of each `:name` of a statement: its values go by names as far as that. */
export function replaceNames(text: string, placeOf: (name: string) => string): string {
  return text.replace(NAMED_PLACE, (_place, name) => placeOf(name));
}

/** Not the second colon of a cast. */
const NAMED_PLACE = /(?<!:):([a-z]\w*)/gi;
