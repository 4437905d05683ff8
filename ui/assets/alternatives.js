// The menu of other translations of one sentence.

import { el } from "./dom.js";
import { t } from "./i18n.js";

const MARGIN = 6; // px between the sentence and its menu

/**
 * `fetchAlternatives(sentence, signal)` resolves to a list of texts;
 * `choose(index, text)` is called with what the user picked.
 */
export function createAlternatives({ box, body }, { fetchAlternatives, choose, onClose }) {
  let open = null; // {index, sentence, anchor, controller}

  function close({ focus = false } = {}) {
    if (!open) return;
    const { anchor, controller } = open;
    open = null;
    controller.abort();
    box.hidden = true;
    anchor.setAttribute("aria-expanded", "false");
    if (focus) anchor.focus();
    onClose();
  }

  async function show(index, sentence, anchor) {
    if (open?.index === index) return close({ focus: true });
    close();
    const mine = (open = { index, sentence, anchor, controller: new AbortController() });
    anchor.setAttribute("aria-expanded", "true");
    box.hidden = false;
    fill(note("alternativesLoading"));
    try {
      sentence.alternatives ??= await fetchAlternatives(sentence, mine.controller.signal);
    } catch {
      if (open === mine) fill(note("alternativesFailed"));
    }
    if (open !== mine || !sentence.alternatives) return; // closed meanwhile, or failed
    const remembered = sentence.memory ? [sentence.memory.translation] : [];
    const texts = [...new Set([sentence.first, ...remembered, ...sentence.alternatives])];
    if (texts.length < 2) return fill(note("alternativesNone"));
    const menu = el("div", { role: "menu", "aria-label": t("alternatives") }, ...texts.map(option));
    fill(menu);
    (menu.querySelector("[aria-checked=true]") ?? menu.firstElementChild).focus({ preventScroll: true });
  }

  function fill(content) {
    const heading = el("p", { class: "soft small cut", "aria-hidden": "true" }, open.sentence.source);
    box.replaceChildren(heading, content);
    place();
  }

  const note = (key) => el("p", { role: "status" }, t(key));

  function option(text) {
    const { index, sentence } = open;
    const { memory } = sentence;
    const pick = () => (close({ focus: true }), choose(index, text));
    const checked = String(text === sentence.text);
    const item = el("button", {
      type: "button", class: "option", role: "menuitemradio", "aria-checked": checked, tabindex: "-1", onclick: pick,
    }, el("span", {}, text)); // prettier-ignore
    if (text === memory?.translation) {
      const values = { percent: Math.floor(100 * memory.match), source: memory.source };
      const origin = t(memory.match < 1 ? "memorySimilar" : "memorySame", values);
      item.append(el("span", { class: "soft small cut" }, origin));
    }
    return item;
  }

  /** Under the sentence's last line, inside the pane. */
  function place() {
    const frame = body.getBoundingClientRect();
    const lines = [...open.anchor.getClientRects()];
    const left = Math.min(lines[0].left, lines.at(-1).left) - frame.left;
    box.style.left = `${Math.max(0, Math.min(left, frame.width - box.offsetWidth))}px`;
    box.style.top = `${lines.at(-1).bottom - frame.top + MARGIN}px`;
    box.scrollIntoView({ block: "nearest" });
  }

  box.addEventListener("keydown", (event) => {
    const items = [...box.querySelectorAll("[role=menuitemradio]")];
    const here = items.indexOf(document.activeElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") close({ focus: true });
    if (to === undefined || !items.length) return;
    items[(to + items.length) % items.length].focus();
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close({ focus: true }));
  document.addEventListener("pointerdown", ({ target }) => {
    if (open && !box.contains(target) && !open.anchor.contains(target)) close();
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
