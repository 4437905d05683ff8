// Wires the page together. Each part has a module of its own; none of them knows another.

import { factAt, initAbout } from "./about.js";
import { createAlternatives } from "./alternatives.js";
import { announce } from "./announce.js";
import { createClient, ServiceError } from "./api.js";
import { byId } from "./dom.js";
import { describe } from "./errors.js";
import { fileParts, initFiles } from "./files.js";
import { createHistory } from "./history.js";
import { initDialog, initHistoryPanel } from "./history-panel.js";
import {
  applyWords,
  duration,
  languageName,
  number,
  onLanguage,
  otherLanguage,
  t,
  useLanguage,
} from "./i18n.js";
import { createNotice } from "./notice.js";
import { join } from "./sentences.js";
import { createSourcePane } from "./source-pane.js";
import { confirmOn, createTargetPane } from "./target-pane.js";
import { initTheme } from "./theme.js";
import { createTranslating } from "./translating.js";

const READ_ALOUD = 240; // characters; a longer translation is announced by its number of sentences

const state = {
  languages: { source: "zh", target: "en" },
  version: null,
  model: "",
  sentences: [],
  tail: "",
  problem: null, // the ServiceError on show
  timing: { total: null, server: null },
  entry: null, // id of the history entry that this text updates
};

const client = createClient({ key: () => sessionStorage.getItem("csanmt.key") ?? "" });
const history = createHistory();
const bodies = { target: document.querySelector(".pane.target .pane-body") };

const source = createSourcePane(
  { textarea: byId("source"), mirror: byId("mirror"), counter: byId("count") },
  { onInput: changed, onHover: light, onCaret: (index) => target.highlight(index) },
);
const target = createTargetPane(
  { box: byId("target"), placeholder: byId("placeholder"), body: bodies.target },
  { onHover: light, onFocus: light, onOpen: (index, anchor) => menu.show(index, state.sentences[index], anchor) },
);
const menu = createAlternatives(
  { box: byId("alternatives"), body: bodies.target },
  { fetchAlternatives: (sentence, signal) => translating.alternatives(sentence, signal), choose, onClose: () => light(null) },
);
const notice = createNotice(byId("notice"), { onRetry: translateNow, onKey: useKey });
const translating = createTranslating(client, { begin, segment, done, failed });

// ---- the text changes

function changed(text) {
  notice.hide();
  state.problem = null;
  byId("clear").disabled = text === "";
  if (!text.trim()) return empty();
  if (source.tooLong()) {
    translating.cancel();
    finished();
    return failed(new ServiceError("tooLong"));
  }
  if (state.sentences.length) target.setStale(true);
  translating.soon(text);
}

function empty() {
  translating.cancel();
  finished();
  remember();
  state.entry = null;
  Object.assign(state, { sentences: [], tail: "" });
  target.clear();
  menu.close();
  byId("copy").disabled = true;
  byId("status").textContent = "";
}

function translateNow() {
  if (source.text.trim() && !source.tooLong()) translating.now(source.text);
}

// ---- the translation comes

function begin() {
  notice.hide();
  menu.close();
  state.problem = null;
  state.arriving = [];
  target.setBusy(true);
  byId("progress").hidden = false;
  byId("status").textContent = t("translating");
}

function segment(sentence, total) {
  if (state.arriving.length === 0) {
    target.clear({ keepHeight: true });
    state.sentences = state.arriving;
    state.tail = "";
    byId("copy").disabled = true;
  }
  state.arriving.push(sentence);
  target.append(sentence);
  const values = { count: number(state.arriving.length), total: number(total) };
  byId("status").textContent = t("translatingCount", values);
}

function done(result) {
  finished();
  state.timing = { total: result.seconds, server: result.serverSeconds };
  Object.assign(state, { sentences: result.sentences, tail: result.tail });
  target.show(result);
  source.mark(result.sentences);
  showModel(result.model);
  byId("copy").disabled = false;
  showStatus();
  const text = join(result);
  const count = number(result.sentences.length);
  announce(text.length <= READ_ALOUD ? t("readyText", { text }) : t("ready", { count }));
  state.entry ??= crypto.randomUUID?.() ?? String(Math.random());
  rememberSoon();
}

function failed(error) {
  finished();
  target.finish();
  state.problem = error instanceof ServiceError ? error : new ServiceError("failed");
  if (!(error instanceof ServiceError)) console.error(error);
  byId("status").textContent = "";
  byId("copy").disabled = state.sentences.length === 0;
  showProblem();
}

function finished() {
  target.setBusy(false);
  target.setStale(false);
  byId("progress").hidden = true;
}

const showProblem = () => state.problem && notice.show(describe(state.problem, { limit: source.limit }));

function showStatus() {
  if (state.timing.total === null || !state.sentences.length) return;
  const count = state.sentences.length;
  const time = duration(state.timing.total);
  const parts = [count > 1 ? t("tookSentences", { count: number(count), time }) : time];
  if (state.sentences.some((sentence) => sentence.truncated)) parts.push(t("truncatedText"));
  byId("status").textContent = parts.join(" · ");
}

// ---- sentences and their partners

function light(index) {
  source.highlight(index);
  target.highlight(index);
}

function choose(index, text) {
  const sentence = state.sentences[index];
  sentence.text = text;
  target.replace(index, sentence);
  announce(t("alternativeChosen", { text }));
  remember();
}

// ---- history

let rememberTimer;
function rememberSoon() {
  clearTimeout(rememberTimer);
  rememberTimer = setTimeout(remember, 1500); // typing goes on: the last state counts
}

function remember() {
  clearTimeout(rememberTimer);
  const last = state.sentences.length && state.entry;
  if (!last || source.text.trim() === "" || state.problem) return;
  history.put({ id: state.entry, source: source.text, translation: join(state), model: state.model });
}

function openEntry(entry) {
  remember();
  Object.assign(state, { sentences: [], tail: "", entry: entry.id });
  source.set(entry.source);
  target.clear();
  source.focus();
  changed(entry.source);
  translateNow();
}

// ---- buttons

byId("source").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    translateNow();
  }
});
byId("source").addEventListener("paste", () => setTimeout(translateNow)); // no need to wait
byId("clear").addEventListener("click", () => {
  source.insert("", { all: true });
  announce(t("cleared"));
});
byId("paste").addEventListener("click", async () => {
  try {
    source.insert(await navigator.clipboard.readText());
    translateNow();
  } catch {
    notice.show({ title: t("pasteDenied") });
  }
});
byId("paste").hidden = !navigator.clipboard?.readText;
byId("copy").addEventListener("click", async () => {
  await copy(join(state));
  confirmOn(byId("copy"), byId("copy-icon"), t("copied"));
  announce(t("copied"));
  remember();
});

/** Browsers keep the clipboard from pages without TLS; the old way still works there. */
async function copy(text) {
  if (navigator.clipboard?.writeText) return navigator.clipboard.writeText(text);
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  before.focus();
}

function useKey(key) {
  sessionStorage.setItem("csanmt.key", key);
  loadVersion();
  translateNow();
}

addEventListener("online", () => state.problem?.kind === "offline" && translateNow());
addEventListener("pagehide", remember);

// ---- the model

async function loadVersion() {
  try {
    state.version = await client.version();
  } catch {
    return; // the first translation says what is wrong
  }
  const { version } = state;
  source.limit = factAt(version, "limits.characters") ?? Infinity;
  state.languages = {
    source: factAt(version, "languages.source") ?? "zh",
    target: factAt(version, "languages.target") ?? "en",
  };
  showModel(factAt(version, "model.tag"));
  showLanguages();
}

function showModel(tag) {
  state.model = tag ?? state.model;
  byId("model").textContent = state.model || "csanmt";
}

function showLanguages() {
  const { source: from, target: to } = state.languages;
  byId("source-title").textContent = languageName(from);
  byId("target-title").textContent = languageName(to);
  byId("source").placeholder = t("sourcePlaceholder", { language: languageName(from) });
  byId("source").lang = byId("mirror").lang = from;
  byId("target").lang = to;
}

// ---- start

byId("switch-language").addEventListener("click", () => useLanguage(otherLanguage()));
onLanguage(() => {
  const other = otherLanguage();
  byId("language-name").textContent = { zh: "中文", en: "English" }[other];
  byId("switch-language").lang = other;
  byId("switch-language").title = t("interfaceLanguage", {}, other);
  document.querySelector(".pane.source").dataset.drop = t("dropHere");
  showLanguages();
  source.showCount();
  showStatus();
  target.relabel();
  menu.close();
  showProblem();
});
byId("shortcut-key").textContent = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";
initTheme(byId("switch-theme"), byId("theme-icon"));
initFiles(fileParts(), {
  onText: (text) => (source.insert(text, { all: true }), translateNow()),
  onProblem: (key) => notice.show({ title: t(key) }),
});
initHistoryPanel(history, { languages: () => state.languages, onOpenEntry: openEntry });
initAbout({ getVersion: () => state.version, getTiming: () => state.timing });
initDialog(byId("history"));
initDialog(byId("about"));
applyWords();
document.documentElement.classList.remove("booting");
loadVersion();
if (source.text) changed(source.text); // the browser restored it
