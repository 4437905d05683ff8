// The user's terms: kept in this browser, sent with every request while they are switched on,
// edited in a drawer as lines of source and target between a tab or, as people type, a comma.

import { byId } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { read, write } from "./preferences.js";

const KEY = "glossary";
const MOST_TERMS = 500; // the service's limits
const LONGEST = 200; // characters of one side

/** Starts the drawer; `onChange` is called when it closes and other terms are used than before. */
export function createGlossary({ onChange }) {
  const dialog = byId("glossary");
  const lines = byId("terms");
  const use = byId("use-glossary");
  let state = load();

  const used = () => (state.on ? usable(state.terms) : {});

  function show() {
    const terms = Object.keys(used()).length;
    const rest = state.terms.length - terms;
    const values = { count: number(terms), rest: number(rest) };
    byId("terms-used").textContent = t(state.on && rest ? "termsUnused" : "termsUsed", values);
    byId("glossary-count").textContent = number(terms);
    byId("glossary-count").hidden = !terms;
    byId("open-glossary").setAttribute("aria-label", t(terms ? "glossaryCount" : "glossary", values));
  }

  function changed() {
    state = { on: use.checked, terms: termsIn(lines.value) };
    write(KEY, state.terms.length || !state.on ? JSON.stringify(state) : null);
    show();
  }

  byId("open-glossary").addEventListener("click", () => {
    const before = JSON.stringify(used());
    lines.value = state.terms.map(({ source, target }) => `${source}\t${target}\n`).join("");
    use.checked = state.on;
    show();
    dialog.showModal();
    lines.focus();
    dialog.onclose = () => JSON.stringify(used()) !== before && onChange();
  });
  lines.addEventListener("input", changed);
  use.addEventListener("change", changed);
  onLanguage(show);
  return { used };
}

function load() {
  try {
    const { on, terms } = JSON.parse(read(KEY) ?? "");
    const texts = (term) => typeof term?.source === "string" && typeof term?.target === "string";
    return { on: on !== false, terms: Array.isArray(terms) ? terms.filter(texts) : [] };
  } catch {
    return { on: true, terms: [] };
  }
}

/** Targets by source: of whole terms within the limits, of several for one source the first. */
function usable(terms) {
  const found = new Map();
  for (const term of terms) {
    const [source, target] = [term.source.trim(), term.target.trim()];
    const fits = source && target && Math.max(source.length, target.length) <= LONGEST;
    if (fits && !found.has(source) && found.size < MOST_TERMS) found.set(source, target);
  }
  return Object.fromEntries(found);
}

/** The terms of lines; what has no target yet is kept as it is. */
function termsIn(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return lines.map((line) => {
    const table = line.match(/^([^\t]*)\t([^\t]*)/);
    const [, source, target] = table ?? line.match(/^([^,，]*)[,，]?(.*)/);
    return { source: source.trim(), target: target.trim() };
  });
}
