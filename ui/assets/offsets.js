// The service counts characters as Unicode code points, JavaScript counts UTF-16 units.

/** Number of code points in `text`. */
export const countCharacters = (text) => utf16Places(text).length;

/** A function from a code point offset into `text` to the UTF-16 offset of the same place. */
export function utf16Offsets(text) {
  const places = utf16Places(text);
  return (offset) => places[offset] ?? text.length;
}

/** Where each code point of `text` begins. */
function utf16Places(text) {
  const places = [];
  for (let i = 0; i < text.length; i += text.codePointAt(i) > 0xffff ? 2 : 1) places.push(i);
  return places;
}
