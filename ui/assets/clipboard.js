// Copy and paste, also where the browser keeps its clipboard from pages without TLS.

export const canPaste = () => Boolean(navigator.clipboard?.readText);

export const readClipboard = () => navigator.clipboard.readText();

export async function writeClipboard(text) {
  if (navigator.clipboard?.writeText) return navigator.clipboard.writeText(text);
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  before.focus();
}
