/** Whether an object is a bare bag of properties: of no class, or of any realm's `Object`. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype as object);
}

/** Whether it is a realm's `Object.prototype`: it knows its kind by a method, since a class may have no parent either. */
function isRoot(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}
