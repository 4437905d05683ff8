// The drawer in which the glossary is edited: a row a term, and always an empty one below.

import { announce } from "./announce.js";
import { byId, el, icon } from "./dom.js";
import { LONGEST, MOST_TERMS, termsIn, usable } from "./glossary.js";
import { label, number, onLanguage, t } from "./i18n.js";

/** `onChange` is called when the drawer closes and other terms are used than before. */
export function initGlossaryPanel(glossary, { languages, onChange }) {
  const dialog = byId("glossary");
  const rows = byId("terms");
  const use = byId("use-glossary");
  const opener = byId("open-glossary");
  let before = "";

  const sides = (row) => row.querySelectorAll("input");
  const termOf = (row) => {
    const [source, target] = [...sides(row)].map((input) => input.value);
    return { source, target };
  };
  const isEmpty = (row) => [...sides(row)].every((input) => !input.value);

  function side(name, value) {
    const input = el("input", {
      class: "field", type: "text", maxlength: String(LONGEST), lang: languages()[name], value,
      autocomplete: "off", autocapitalize: "none", spellcheck: "false", oninput: changed,
      onpaste: pasted, onkeydown: onKey,
    }); // prettier-ignore
    input.setAttribute("aria-label", t(name === "source" ? "termSource" : "termTarget"));
    input.placeholder = t(name === "source" ? "termSource" : "termTarget");
    return input;
  }

  function rowOf({ source, target }) {
    const remove = el("button", { type: "button", class: "tool square", onclick: () => removeRow(row) }, icon("trash"));
    label(remove, t("deleteTerm"));
    const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, "→");
    const row = el("li", {}, side("source", source), arrow, side("target", target), remove);
    return row;
  }

  const append = (term = { source: "", target: "" }) => rows.append(rowOf(term));

  function show() {
    rows.replaceChildren(...glossary.terms.map(rowOf));
    append();
    use.checked = glossary.on;
    mark();
  }

  /** Every change is kept at once; the last row is always empty. */
  function changed() {
    const filled = [...rows.children].filter((row) => !isEmpty(row));
    glossary.terms = filled.map(termOf);
    if (filled.length < MOST_TERMS && !isEmpty(rows.lastElementChild)) append();
    mark();
  }

  /** A second translation of a term is not used, and is said to be. */
  function mark() {
    const seen = new Set();
    for (const row of rows.children) {
      const source = termOf(row).source.trim();
      const twice = source !== "" && seen.has(source);
      seen.add(source);
      const [input] = sides(row);
      if (twice) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      input.title = twice ? t("termTwice") : "";
    }
    showCount();
  }

  function showCount() {
    const count = glossary.used.length;
    byId("glossary-count").textContent = count ? number(count) : "";
    byId("glossary-count").hidden = count === 0;
    opener.setAttribute("aria-label", count ? t("glossaryCount", { count: number(count) }) : t("glossary"));
  }

  function removeRow(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    if (!rows.children.length || !isEmpty(rows.lastElementChild)) append();
    changed();
    sides(next?.isConnected ? next : rows.lastElementChild)[0].focus();
    announce(t("deletedTerm"));
  }

  function pasted(event) {
    const terms = termsIn(event.clipboardData.getData("text/plain"));
    if (!terms.length) return;
    event.preventDefault();
    const kept = [...rows.children].map(termOf).filter(({ source, target }) => source || target);
    glossary.terms = [...kept, ...terms];
    show();
    sides(rows.lastElementChild)[0].focus();
    announce(t("pastedTerms", { count: number(terms.length) }));
  }

  function onKey(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    const inputs = [...rows.querySelectorAll("input")];
    inputs[inputs.indexOf(event.target) + 1]?.focus();
  }

  use.addEventListener("change", () => {
    glossary.on = use.checked;
    showCount();
  });
  opener.addEventListener("click", () => {
    before = JSON.stringify(glossary.used);
    show();
    dialog.showModal();
    sides(rows.lastElementChild)[0].focus();
  });
  dialog.addEventListener("close", () => {
    glossary.terms = glossary.terms.filter((term) => usable([term]).length);
    if (JSON.stringify(glossary.used) !== before) onChange();
  });
  onLanguage(() => (dialog.open ? show() : showCount()));
}
