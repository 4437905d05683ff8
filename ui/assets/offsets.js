// The service counts characters as Unicode code points, JavaScript counts UTF-16 units.

/** Number of code points in `text`. */
export function countCharacters(text) {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if (isPair(text, i)) count--, i++;
  return count;
}

/** A function from a code point offset into `text` to the UTF-16 offset of the same place. */
export function utf16Offsets(text) {
  const table = [];
  for (let i = 0; i < text.length; i++) {
    table.push(i);
    if (isPair(text, i)) i++;
  }
  if (table.length === text.length) return (offset) => Math.min(offset, text.length);
  return (offset) => (offset < table.length ? table[offset] : text.length);
}

function isPair(text, i) {
  const unit = text.charCodeAt(i);
  if (unit < 0xd800 || unit > 0xdbff) return false;
  const next = text.charCodeAt(i + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}
