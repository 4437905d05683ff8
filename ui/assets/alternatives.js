// The menu of other translations of one sentence.

import { el } from "./dom.js";
import { t } from "./i18n.js";

const MARGIN = 6; // px between the sentence and its menu

/**
 * `fetchAlternatives(sentence, signal)` resolves to a list of texts;
 * `choose(index, text)` is called with what the user picked.
 */
export function createAlternatives({ box, body }, { fetchAlternatives, choose, onClose }) {
  let open = null; // {index, anchor, controller}

  function close({ focus = false } = {}) {
    if (!open) return;
    const { anchor, controller } = open;
    open = null;
    controller.abort();
    box.hidden = true;
    box.replaceChildren();
    anchor.setAttribute("aria-expanded", "false");
    if (focus) anchor.focus();
    onClose();
  }

  async function show(index, sentence, anchor) {
    if (open?.index === index) return close({ focus: true });
    close();
    const controller = new AbortController();
    open = { index, anchor, controller };
    anchor.setAttribute("aria-expanded", "true");
    message(sentence, t("alternativesLoading"));
    box.hidden = false;
    place();
    try {
      sentence.alternatives ??= await fetchAlternatives(sentence, controller.signal);
    } catch {
      if (open?.anchor === anchor) message(sentence, t("alternativesFailed"));
      return;
    }
    if (open?.anchor !== anchor) return; // closed meanwhile
    const remembered = sentence.memory ? [sentence.memory.translation] : [];
    const texts = [...new Set([sentence.first, ...remembered, ...sentence.alternatives])];
    if (texts.length < 2) message(sentence, t("alternativesNone"));
    else list(index, sentence, texts);
    place();
  }

  function message(sentence, text) {
    const note = el("p", { class: "alternatives-note", role: "status" }, text);
    box.replaceChildren(heading(sentence), note);
  }

  function list(index, sentence, texts) {
    const menu = el("div", { role: "menu", "aria-label": t("alternatives") });
    for (const text of texts) {
      const item = el("button", {
        type: "button",
        role: "menuitemradio",
        "aria-checked": String(text === sentence.text),
        tabindex: "-1",
        onclick: () => pick(index, text),
      });
      item.textContent = text;
      if (text === sentence.memory?.translation) item.append(origin(sentence.memory));
      menu.append(item);
    }
    box.replaceChildren(heading(sentence), menu);
    (menu.querySelector("[aria-checked=true]") ?? menu.firstElementChild).focus({ preventScroll: true });
  }

  /** Where a remembered translation comes from, and how like the sentence its own is. */
  function origin({ match, source }) {
    const values = { percent: Math.floor(100 * match), source };
    return el("span", { class: "alternatives-origin cut" }, t(match < 1 ? "memorySimilar" : "memorySame", values));
  }

  function heading(sentence) {
    const node = el("p", { class: "alternatives-source cut", "aria-hidden": "true" });
    node.textContent = sentence.source;
    return node;
  }

  function pick(index, text) {
    close({ focus: true });
    choose(index, text);
  }

  /** Under the sentence's last line, inside the pane. */
  function place() {
    const frame = body.getBoundingClientRect();
    const lines = open.anchor.getClientRects();
    const first = lines[0];
    const last = lines[lines.length - 1];
    const left = Math.min(first.left, last.left) - frame.left;
    box.style.left = `${Math.max(0, Math.min(left, frame.width - box.offsetWidth))}px`;
    box.style.top = `${last.bottom - frame.top + MARGIN}px`;
    box.scrollIntoView({ block: "nearest" });
  }

  box.addEventListener("keydown", (event) => {
    const items = [...box.querySelectorAll("[role=menuitemradio]")];
    const here = items.indexOf(document.activeElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined && items.length) items[(to + items.length) % items.length].focus();
    else if (event.key === "Tab") close({ focus: true });
    else return;
    if (event.key !== "Tab") event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open) {
      event.preventDefault();
      close({ focus: true });
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (open && !box.contains(event.target) && !open.anchor.contains(event.target)) close();
  });
  addEventListener("resize", () => open && place());

  return {
    show,
    close,
    /** Index of the sentence whose menu is open, or null. */
    get index() {
      return open?.index ?? null;
    },
  };
}
