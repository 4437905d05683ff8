// The right pane: sentences as they come, one tab stop, arrows between them.

import { el } from "./dom.js";
import { label, t } from "./i18n.js";

/** Handlers: onHover(index or null), onFocus(index or null), onOpen(index, element). */
export function createTargetPane({ box, placeholder, body }, handlers) {
  let spans = [];

  const indexOf = (node) => spans.indexOf(node?.closest?.(".sentence"));
  const orNull = (index) => (index < 0 ? null : index);

  function spanOf(sentence) {
    const span = el("span", {
      class: "sentence",
      role: "button",
      tabindex: spans.length ? "-1" : "0",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    fill(span, sentence);
    return span;
  }

  function fill(span, sentence) {
    span.textContent = sentence.text;
    span.classList.toggle("truncated", sentence.truncated);
    span.classList.toggle("replaced", sentence.text !== sentence.first);
    if (sentence.truncated) span.title = t("truncatedSentence");
  }

  function append(sentence) {
    if (sentence.gap) box.append(sentence.gap);
    const span = spanOf(sentence);
    spans.push(span);
    box.append(span);
  }

  function moveTo(index) {
    const next = spans[Math.max(0, Math.min(spans.length - 1, index))];
    for (const span of spans) span.tabIndex = span === next ? 0 : -1;
    next?.focus();
  }

  box.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") handlers.onHover(orNull(indexOf(event.target)));
  });
  box.addEventListener("pointerleave", () => handlers.onHover(null));
  box.addEventListener("focusin", (event) => {
    const index = indexOf(event.target);
    if (index < 0) return;
    for (const [k, span] of spans.entries()) span.tabIndex = k === index ? 0 : -1;
    handlers.onFocus(index);
  });
  box.addEventListener("focusout", () => handlers.onFocus(null));
  box.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    const selecting = !getSelection().isCollapsed; // the mouse was dragged to mark text
    if (index >= 0 && !selecting) handlers.onOpen(index, spans[index]);
  });
  box.addEventListener("keydown", (event) => {
    const index = indexOf(event.target);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: Infinity }[event.key];
    if (to !== undefined) moveTo(to);
    else if (event.key === "Enter" || event.key === " ") handlers.onOpen(index, spans[index]);
    else return;
    event.preventDefault();
  });

  const settle = () => body.style.removeProperty("min-height");

  return {
    /** Forgets everything; `keepHeight` until `finish`, so that nothing jumps meanwhile. */
    clear({ keepHeight = false } = {}) {
      if (keepHeight) body.style.minHeight = `${body.offsetHeight}px`;
      else settle();
      spans = [];
      box.replaceChildren();
      placeholder.hidden = keepHeight;
      box.classList.remove("stale");
    },
    append(sentence) {
      placeholder.hidden = true;
      append(sentence);
    },
    finish(tail = "") {
      if (tail) box.append(tail);
      settle();
    },
    /** Shows a whole translation at once. */
    show({ sentences, tail }) {
      const focused = indexOf(document.activeElement);
      spans = [];
      box.replaceChildren();
      for (const sentence of sentences) append(sentence);
      if (tail) box.append(tail);
      placeholder.hidden = true;
      box.classList.remove("stale");
      settle();
      if (focused >= 0) moveTo(focused);
    },
    replace: (index, sentence) => fill(spans[index], sentence),
    focus: (index) => moveTo(index),
    highlight(index) {
      spans.forEach((span, k) => span.classList.toggle("lit", k === index));
    },
    setStale: (stale) => box.classList.toggle("stale", stale),
    setBusy: (busy) => box.setAttribute("aria-busy", String(busy)),
    relabel: () => {
      for (const span of spans) if (span.classList.contains("truncated")) span.title = t("truncatedSentence");
    },
  };
}

/** Shows the tick of a button for a moment. */
export function confirmOn(button, iconUse, name) {
  const before = iconUse.getAttribute("href");
  if (before === "#i-check") return;
  const text = button.getAttribute("aria-label");
  iconUse.setAttribute("href", "#i-check");
  label(button, name);
  setTimeout(() => {
    iconUse.setAttribute("href", before);
    label(button, text);
  }, 1600);
}
