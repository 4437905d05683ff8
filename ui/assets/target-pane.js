// The right pane: sentences as they come, one tab stop, arrows between them.

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { isRemembered } from "./sentences.js";

const STEPS = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  Home: -Infinity,
  End: Infinity,
};

function titleOf({ classList }) {
  if (classList.contains("truncated")) return t("truncatedSentence");
  return classList.contains("remembered") ? t("rememberedSentence") : "";
}

/** Handlers: light(index or null), onOpen(index, element). */
export function createTargetPane({ box, placeholder, body }, { light, onOpen }) {
  let spans = [];
  let tabStop = 0;

  const indexOf = (node) => spans.indexOf(node?.closest?.(".sentence"));

  function fill(span, sentence) {
    span.textContent = sentence.text;
    span.classList.toggle("truncated", sentence.truncated);
    span.classList.toggle("replaced", sentence.text !== sentence.first);
    span.classList.toggle("remembered", isRemembered(sentence));
    span.title = titleOf(span);
  }

  function append(sentence) {
    const span = el("span", {
      class: "sentence",
      role: "button",
      tabindex: spans.length === tabStop ? "0" : "-1",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    fill(span, sentence);
    spans.push(span);
    box.append(sentence.gap, span);
    placeholder.hidden = true;
  }

  function empty() {
    spans = [];
    tabStop = 0;
    box.replaceChildren();
    box.classList.remove("stale");
  }

  /** Makes `index` the one sentence that the Tab key stops at. */
  function stopAt(index) {
    tabStop = index;
    spans.forEach((span, k) => (span.tabIndex = k === index ? 0 : -1));
  }

  function moveTo(index) {
    stopAt(Math.max(0, Math.min(spans.length - 1, index)));
    spans[tabStop]?.focus();
  }

  // Browsers start no text selection inside a focusable span, so while the mouse button is
  // down none is focusable.
  box.addEventListener("pointerdown", ({ pointerType }) => {
    if (pointerType !== "mouse") return;
    for (const span of spans) span.removeAttribute("tabindex");
    const restore = () => stopAt(tabStop);
    document.addEventListener("pointerup", restore, { once: true });
    document.addEventListener("pointercancel", restore, { once: true });
  });

  box.addEventListener("pointerover", (event) => {
    const index = indexOf(event.target);
    if (event.pointerType !== "touch") light(index < 0 ? null : index);
  });
  box.addEventListener("pointerleave", () => light(null));
  box.addEventListener("focusin", (event) => {
    const index = indexOf(event.target);
    if (index < 0) return;
    stopAt(index);
    light(index);
  });
  box.addEventListener("focusout", () => light(null));
  box.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    const selecting = !getSelection().isCollapsed; // the mouse was dragged to mark text
    if (index >= 0 && !selecting) onOpen(index, spans[index]);
  });
  box.addEventListener("keydown", (event) => {
    const index = indexOf(event.target);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step !== undefined) moveTo(index + step);
    else if (event.key === "Enter" || event.key === " ") onOpen(index, spans[index]);
    else return;
    event.preventDefault();
  });

  const settle = () => body.style.removeProperty("min-height");

  return {
    /** Forgets everything; `keepHeight` until `finish`, so that nothing jumps meanwhile. */
    clear({ keepHeight = false } = {}) {
      if (keepHeight) body.style.minHeight = `${body.offsetHeight}px`;
      else settle();
      empty();
      placeholder.hidden = keepHeight;
    },
    append,
    finish: settle,
    /** Shows a whole translation at once. */
    show({ sentences, tail }) {
      const focused = indexOf(document.activeElement);
      empty();
      sentences.forEach(append);
      box.append(tail);
      placeholder.hidden = true;
      settle();
      if (focused >= 0) moveTo(focused);
    },
    replace: (index, sentence) => fill(spans[index], sentence),
    highlight(index) {
      spans.forEach((span, k) => span.classList.toggle("lit", k === index));
    },
    setStale: (stale) => box.classList.toggle("stale", stale),
    setBusy: (busy) => box.setAttribute("aria-busy", String(busy)),
    relabel: () => {
      for (const span of spans) span.title = titleOf(span);
    },
  };
}

