// What the browser remembers, in localStorage under "csanmt."; in memory where that is blocked.

const PREFIX = "csanmt.";
const memory = new Map();

export function read(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return memory.get(key) ?? null;
  }
}

/** The API key lives as long as the tab. */
export const sessionKey = {
  get value() {
    try {
      return sessionStorage.getItem(`${PREFIX}key`) ?? "";
    } catch {
      return memory.get("key") ?? "";
    }
  },
  set value(key) {
    try {
      sessionStorage.setItem(`${PREFIX}key`, key);
    } catch {
      memory.set("key", key);
    }
  },
};

/** Stores a string, or forgets the key when `value` is null. Returns false if there is no room. */
export function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch (error) {
    if (error.name === "QuotaExceededError") return false;
    if (value === null) memory.delete(key);
    else memory.set(key, value);
  }
  return true;
}
