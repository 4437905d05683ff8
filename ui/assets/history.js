// What was translated, in this browser only: newest first, bounded, deletable.

import { read, write } from "./preferences.js";

const MAX_ENTRIES = 100;
const KEY = "history";
const SWITCH = "keepHistory";

/** Entries are {id, at (ms since 1970), source, translation, model}. */
export function createHistory() {
  return {
    list: load, // at every use: another tab may have written
    get kept() {
      return read(SWITCH) !== "no";
    },
    set kept(yes) {
      write(SWITCH, yes ? null : "no");
    },
    /** Adds an entry, or updates the one with the same id: one text in the making is one entry. */
    put(entry) {
      if (!this.kept || !entry.source.trim()) return;
      const others = load().filter(({ id, source }) => id !== entry.id && source !== entry.source);
      save([{ ...entry, at: Date.now() }, ...others].slice(0, MAX_ENTRIES));
    },
    remove: (id) => save(load().filter((entry) => entry.id !== id)),
    clear: () => save([]),
  };
}

/** Whether `after` is `before` in another state: at least half of the shorter one is the same. */
export function isRevision(before, after) {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return shorter > 0 && 2 * (head + tail) >= shorter;
}

function save(entries) {
  while (!write(KEY, entries.length ? JSON.stringify(entries) : null) && entries.length) {
    entries = entries.slice(0, Math.floor(entries.length / 2)); // storage is full: oldest go
  }
}

function load() {
  try {
    const list = JSON.parse(read(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

const isEntry = (entry) =>
  entry && ["id", "source", "translation"].every((key) => typeof entry[key] === "string");
