// The user's terms, kept in this browser and sent with every request while they are switched on.

import { read, write } from "./preferences.js";

const KEY = "glossary";
export const MOST_TERMS = 500; // the service's limits
export const LONGEST = 200; // characters of one side

/** A glossary: `terms` is a list of {source, target} as typed, `on` says whether they are used. */
export function createGlossary() {
  let state = load();

  function load() {
    try {
      const { on, terms } = JSON.parse(read(KEY) ?? "");
      const texts = (term) => typeof term?.source === "string" && typeof term?.target === "string";
      return { on: on !== false, terms: Array.isArray(terms) ? terms.filter(texts) : [] };
    } catch {
      return { on: true, terms: [] };
    }
  }

  const save = () =>
    write(KEY, state.terms.length || !state.on ? JSON.stringify(state) : null);

  return {
    get terms() {
      return state.terms;
    },
    set terms(terms) {
      state.terms = terms.slice(0, MOST_TERMS);
      save();
    },
    get on() {
      return state.on;
    },
    set on(on) {
      state.on = on;
      save();
    },
    /** [source, target] of the terms to send: whole ones, of several for one source the first. */
    get used() {
      return state.on ? usable(state.terms) : [];
    },
  };
}

/** Pairs of the trimmed terms with both sides, each source once. */
export function usable(terms) {
  const found = new Map();
  for (const { source, target } of terms) {
    const [from, to] = [source.trim(), target.trim()];
    if (from && to && !found.has(from)) found.set(from, to);
  }
  return [...found];
}

/** Terms in pasted lines: source and target between tabs, or else commas. */
export function termsIn(text) {
  return text
    .split(/\r\n?|\n/)
    .map((line) => line.split(line.includes("\t") ? "\t" : /[,，]/))
    .filter((parts) => parts.length >= 2 && parts[0].trim())
    .map(([source, target]) => ({
      source: source.trim().slice(0, LONGEST),
      target: target.trim().slice(0, LONGEST),
    }));
}
