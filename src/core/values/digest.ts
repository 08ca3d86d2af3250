/**
 * 64 bits that equal texts share and others, as good as always, do not. So few bits cannot hold a secret
 * that stands in the text. Not for texts whose author gains by making two of them meet.
 */
export function digest(text: string): string {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, FIRST);
    other = Math.imul(other ^ unit, SECOND);
  }
  return hex(mixed(one, other)) + hex(mixed(other, one));
}

/** Odd numbers that spread the bits of what they multiply. */
const FIRST = 2_654_435_761;
const SECOND = 1_597_334_677;

/** Every bit of both, in every bit of one. */
function mixed(one: number, other: number): number {
  return Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);
}

function hex(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, "0");
}
