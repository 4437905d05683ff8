// What a screen reader is told, politely and only once it is worth telling.

import { byId } from "./dom.js";

const SETTLE = 400; // milliseconds; a newer message replaces an older one that was not read yet
let timer;

export function announce(text) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const node = byId("announcer");
    node.textContent = node.textContent === text ? `${text}\u00a0` : text; // a repeat is read too
  }, SETTLE);
}
