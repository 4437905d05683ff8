// The left pane: a textarea that grows, its mirror that carries the highlight, the count.
//
// The mirror lies under the transparent textarea with the same text in the same type, so it gives
// the textarea its height and shows marks behind the letters.

import { el } from "./dom.js";
import { countCharacters } from "./offsets.js";
import { number, t } from "./i18n.js";

const MOVES = new Set("ArrowLeft ArrowRight ArrowUp ArrowDown Home End PageUp PageDown".split(" "));

/** Handlers: onInput(text), light(index or null). */
export function createSourcePane({ textarea, mirror, counter }, { onInput, light }) {
  let limit = Infinity;
  let composing = false;
  let marks = []; // one span a sentence, while the text is the translated one

  const showCount = () => {
    const count = countCharacters(textarea.value);
    const over = count - limit;
    const values = { count: number(count), limit: number(limit), over: number(over) };
    counter.textContent = Number.isFinite(limit)
      ? t(over > 0 ? "countOver" : "count", values)
      : number(count);
    counter.classList.toggle("over", over > 0);
    textarea.setAttribute("aria-invalid", String(over > 0));
  };

  const changed = () => {
    marks = [];
    mirror.textContent = `${textarea.value}\u200b`; // keeps the height of a last empty line
    showCount();
    if (!composing) onInput(textarea.value);
  };

  textarea.addEventListener("input", changed);
  textarea.addEventListener("compositionstart", () => (composing = true));
  textarea.addEventListener("compositionend", () => ((composing = false), changed()));

  /** Index of the sentence under the pointer, or null. */
  const at = (x, y) => {
    const inside = (box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
    const index = marks.findIndex((mark) => [...mark.getClientRects()].some(inside));
    return index < 0 ? null : index;
  };
  let frame = 0;
  textarea.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || !marks.length) return;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => light(at(event.clientX, event.clientY)));
  });
  textarea.addEventListener("pointerleave", () => (cancelAnimationFrame(frame), light(null)));

  // Moving the caret by keyboard shows the partner of its sentence; typing does not.
  let sentences = [];
  textarea.addEventListener("keyup", ({ key }) => {
    if (!MOVES.has(key) || !marks.length) return;
    const place = textarea.selectionStart;
    const index = sentences.findIndex((s) => place >= s.start && place <= s.end);
    light(index < 0 ? null : index);
  });
  textarea.addEventListener("blur", () => light(null));

  return {
    get text() {
      return textarea.value;
    },
    set limit(value) {
      limit = value;
      showCount();
    },
    get limit() {
      return limit;
    },
    tooLong: (text = textarea.value) => countCharacters(text) > limit,
    showCount,

    /** Replaces everything (`all`) or the selection, so that the browser's undo still works. */
    insert(text, { all = false } = {}) {
      textarea.focus();
      if (all) textarea.select();
      const undoable = text.length < 20_000; // browsers are slow at this with long texts
      const done = undoable && document.execCommand(text ? "insertText" : "delete", false, text);
      if (done) return;
      textarea.setRangeText(text, textarea.selectionStart, textarea.selectionEnd, "end");
      changed();
    },

    /** Knows from now on where the sentences of the present text are. */
    mark(list) {
      sentences = list;
      const text = textarea.value;
      const pieces = [];
      let end = 0;
      marks = list.map(({ start, end: stop }) => {
        const mark = el("span", {}, text.slice(start, stop));
        pieces.push(text.slice(end, start), mark);
        end = stop;
        return mark;
      });
      mirror.replaceChildren(...pieces, `${text.slice(end)}\u200b`);
    },

    highlight(index) {
      marks.forEach((mark, k) => mark.classList.toggle("lit", k === index));
    },
  };
}
