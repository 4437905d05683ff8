// The words of the interface, words.en.json and words.zh.json, and what puts them in place.

import { write } from "./preferences.js";

/** By language; nothing of the page runs before they are here. */
export const words = Object.fromEntries(
  await Promise.all(
    ["en", "zh"].map(async (code) => {
      const response = await fetch(new URL(`words.${code}.json`, import.meta.url));
      return [code, await response.json()];
    }),
  ),
);

const HTML_LANG = { en: "en", zh: "zh-CN" };
let language = document.documentElement.lang === HTML_LANG.zh ? "zh" : "en"; // boot.js chose it
const listeners = new Set();

export const currentLanguage = () => language;
export const otherLanguage = () => (language === "zh" ? "en" : "zh");

/** The word for `key`, with `{name}` replaced by `values.name`. */
export function t(key, values = {}, inLanguage = language) {
  const template = words[inLanguage][key] ?? words.en[key];
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const number = (value, options) =>
  new Intl.NumberFormat(HTML_LANG[language], options).format(value);

/** A duration for the eye: "85 ms", "1.2 s". */
export function duration(inSeconds) {
  if (inSeconds < 1) return t("milliseconds", { value: number(Math.round(inSeconds * 1000)) });
  return t("seconds", { value: number(inSeconds, { maximumFractionDigits: 1 }) });
}

/** "Chinese" or 中文 for "zh", as the interface's language calls it. */
export function languageName(code) {
  return new Intl.DisplayNames([HTML_LANG[language]], { type: "language" }).of(code);
}

export function useLanguage(code) {
  language = code;
  write("language", code);
  applyWords();
}

/** Calls `listener` now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}

/** Fills every element with `data-i18n` (its text) or `data-i18n-label` (its name and tooltip). */
export function applyWords(root = document) {
  document.documentElement.lang = HTML_LANG[language];
  document.title = t("title");
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-label]")) label(node, t(node.dataset.i18nLabel));
  for (const listener of listeners) listener();
}

/** Names an icon button for the ear and for the mouse. */
export function label(node, text) {
  node.setAttribute("aria-label", text);
  node.title = text;
}
