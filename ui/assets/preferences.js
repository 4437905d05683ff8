// What the browser remembers, in its storage under "csanmt."; in memory where that is blocked.

const PREFIX = "csanmt.";
const memory = new Map();

/** The text under `key`, or null. */
export function read(key, storage = "localStorage") {
  try {
    return window[storage].getItem(PREFIX + key);
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Stores a string, or forgets the key when `value` is null. Returns false if there is no room. */
export function write(key, value, storage = "localStorage") {
  try {
    if (value === null) window[storage].removeItem(PREFIX + key);
    else window[storage].setItem(PREFIX + key, value);
  } catch (error) {
    if (error.name === "QuotaExceededError") return false;
    memory.set(key, value);
  }
  return true;
}

/** The API key lives as long as the tab. */
export const sessionKey = {
  get value() {
    return read("key", "sessionStorage") ?? "";
  },
  set value(key) {
    write("key", key, "sessionStorage");
  },
};
