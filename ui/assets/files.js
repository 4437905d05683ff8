// Opening a file: text can go into the left pane, a document to the server as a whole.

import { DOCUMENTS } from "./documents.js";
import { byId } from "./dom.js";

const MAX_BYTES = 4 * 1024 * 1024;

const TEXTS = { names: /\.(txt|md|markdown)$/i, types: /^text\/(plain|markdown)$/ };

/** Handlers: onText(text, file), onDocument(file), onProblem(i18n key). */
export function initFiles({ onText, onDocument, onProblem }) {
  const input = byId("file");
  const dropZone = document.querySelector(".pane.source");

  async function open(file) {
    if (DOCUMENTS.test(file.name)) return onDocument(file);
    if (!TEXTS.names.test(file.name) && !TEXTS.types.test(file.type)) return onProblem("fileKind");
    const text = await readText(file);
    if (text === null) onProblem("fileUnreadable");
    else onText(text, named(file));
  }

  byId("open-file").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) open(input.files[0]);
    input.value = ""; // the same file can be opened again
  });

  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave come for children too
  const mark = () => dropZone.classList.toggle("dropping", depth > 0);
  dropZone.addEventListener("dragenter", (event) => carriesFile(event) && (depth++, mark()));
  dropZone.addEventListener("dragleave", (event) => carriesFile(event) && (depth--, mark()));
  addEventListener("dragover", (event) => carriesFile(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault(); // never navigate away to the file
    depth = 0;
    mark();
    if (dropZone.contains(event.target)) open(event.dataTransfer.files[0]);
  });
}

/** The file under a name by which the server knows it as text. */
const named = (file) =>
  TEXTS.names.test(file.name) ? file : new File([file], `${file.name}.txt`, { type: file.type });

/** The text of a file in UTF-8, UTF-16 or GB 18030; null when it is none of them. */
export async function readText(file) {
  if (file.size > MAX_BYTES) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  for (const encoding of encodingsOf(bytes)) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      if (!text.includes("\0")) return text.replace(/\r\n?/g, "\n");
    } catch {
      // not this encoding
    }
  }
  return null;
}

function encodingsOf([first, second]) {
  if (first === 0xff && second === 0xfe) return ["utf-16le"];
  if (first === 0xfe && second === 0xff) return ["utf-16be"];
  return ["utf-8", "gb18030"];
}
