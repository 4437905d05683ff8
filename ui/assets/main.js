// Wires the page together. Each part has a module of its own; none of them knows another.

import { initAbout } from "./about.js";
import { createAlternatives } from "./alternatives.js";
import { announce } from "./announce.js";
import { createClient, ServiceError } from "./api.js";
import { canPaste, readClipboard, writeClipboard } from "./clipboard.js";
import { REFUSALS, createDocuments } from "./documents.js";
import { byId } from "./dom.js";
import { describe } from "./errors.js";
import { initFiles } from "./files.js";
import { createGlossary } from "./glossary.js";
import { createHistory, isRevision } from "./history.js";
import { initDialog, initHistoryPanel } from "./history-panel.js";
import {
  applyWords,
  duration,
  label,
  languageName,
  number,
  onLanguage,
  otherLanguage,
  t,
  useLanguage,
} from "./i18n.js";
import { createNotice } from "./notice.js";
import { sessionKey } from "./preferences.js";
import { isRemembered, join } from "./sentences.js";
import { createFacts } from "./service-facts.js";
import { createSourcePane } from "./source-pane.js";
import { createTargetPane } from "./target-pane.js";
import { initTheme } from "./theme.js";
import { createTranslating } from "./translating.js";

const READ_ALOUD = 240; // characters; a longer translation is announced by its number of sentences

const state = {
  model: "",
  source: null, // the text that is translated in full below; null while one is arriving
  sentences: [],
  tail: "",
  choices: new Map(), // source sentence to the translation the user picked for it
  timing: { total: null, server: null }, // seconds
  problem: null, // the ServiceError on show
  entry: null, // id of the history entry that this text updates
};

const client = createClient({ key: () => sessionKey.value });
const facts = createFacts(client, { onKnown: showFacts, onProblem: factsFailed });
const history = createHistory();
const glossary = createGlossary({ onChange: glossaryChanged });
const targetBody = document.querySelector(".pane.target .pane-body");

const source = createSourcePane(
  { textarea: byId("source"), mirror: byId("mirror"), counter: byId("count") },
  { onInput: changed, light },
);
const target = createTargetPane(
  { box: byId("target"), placeholder: byId("placeholder"), body: targetBody },
  { light, onOpen: (index, anchor) => (menu.show(index, state.sentences[index], anchor), light(null)) },
);
const translating = createTranslating(client, options, { admit, begin, segment, done, failed });
const menu = createAlternatives(
  { box: byId("alternatives"), body: targetBody },
  { fetchAlternatives: translating.alternatives, choose, onClose: () => light(null) },
);
const notice = createNotice(byId("notice"), { onRetry: translateNow, onKey: useKey });

const documents = createDocuments(byId("document"), client, { announce, onProblem: documentFailed });

// ---- the text changes

function changed(text) {
  notice.hide();
  state.problem = null;
  byId("clear").disabled = text === "";
  if (!text.trim()) return empty();
  if (source.tooLong()) {
    translating.cancel();
    return failed(new ServiceError("tooLong"));
  }
  if (state.sentences.length) target.setStale(true);
  translating.soon(text);
}

function empty() {
  translating.cancel();
  settle();
  remember();
  state.choices.clear();
  Object.assign(state, { source: null, sentences: [], tail: "", entry: null });
  target.clear();
  menu.close();
  byId("copy").disabled = true;
  byId("status").textContent = "";
}

function translateNow() {
  if (source.text.trim() && !source.tooLong()) translating.now(source.text);
}

// ---- the translation comes

let arriving = [];

/** Waits until the page knows what the service takes. */
async function admit() {
  byId("progress").hidden = false;
  byId("status").textContent = t("translating");
  await facts.settled;
  if (source.tooLong()) throw new ServiceError("tooLong");
}

function begin() {
  notice.hide();
  menu.close();
  state.problem = null;
  arriving = [];
  target.setBusy(true);
}

function segment(sentence, total) {
  if (arriving.length === 0) {
    remember();
    target.clear({ keepHeight: true });
    Object.assign(state, { source: null, sentences: arriving, tail: "" });
    byId("copy").disabled = true;
  }
  arriving.push(chosen(sentence));
  target.append(sentence);
  const values = { count: number(arriving.length), total: number(total) };
  byId("status").textContent = t("translatingCount", values);
}

function done(result) {
  settle();
  beginEntry(result.source);
  result.sentences.forEach(chosen);
  state.timing = { total: result.seconds, server: result.serverSeconds };
  Object.assign(state, { source: result.source, sentences: result.sentences, tail: result.tail });
  target.show(result);
  source.mark(result.sentences);
  showModel(result.model);
  byId("copy").disabled = result.sentences.length === 0;
  showStatus();
  const text = join(result);
  const count = number(result.sentences.length);
  announce(text.length <= READ_ALOUD ? t("readyText", { text }) : t("ready", { count }));
  rememberSoon();
  if (result.model !== facts.now.model) facts.refresh(); // another version took over
}

function failed(error) {
  settle();
  target.finish();
  state.problem = problemOf(error);
  byId("status").textContent = "";
  byId("copy").disabled = state.sentences.length === 0;
  showProblem();
}

function problemOf(error) {
  if (error instanceof ServiceError) return error;
  console.error(error);
  return new ServiceError("failed");
}

function documentFailed(error) {
  const problem = problemOf(error);
  const words = describe(problem, { limit: source.limit });
  if (problem.kind === "key") return notice.show(words);
  const known = REFUSALS.has(problem.code) ? t(`refused_${problem.code}`) : "";
  const said = known && problem.detail ? `${known} (${problem.detail})` : known || problem.detail;
  notice.show({ ...words, title: t("documentFailed"), detail: said || words.title, wait: null, retry: false });
}

function settle() {
  target.setBusy(false);
  target.setStale(false);
  byId("progress").hidden = true;
}

function showProblem() {
  if (state.problem) notice.show(describe(state.problem, { limit: source.limit }));
}

function showStatus() {
  if (state.source === null || !state.sentences.length) return;
  const count = state.sentences.length;
  const time = duration(state.timing.total);
  const parts = [count > 1 ? t("tookSentences", { count: number(count), time }) : time];
  if (state.sentences.some((sentence) => sentence.truncated)) parts.push(t("truncatedText"));
  const remembered = state.sentences.filter(isRemembered).length;
  if (remembered) parts.push(t("rememberedCount", { count: number(remembered) }));
  byId("status").textContent = parts.join(" · ");
}

// ---- sentences, their partners and what the user chose for them

/** Highlights a pair; with null the one whose menu is open, or none. */
function light(index) {
  index ??= menu.index;
  source.highlight(index);
  target.highlight(index);
}

function choose(index, text) {
  const sentence = state.sentences[index];
  sentence.text = text;
  state.choices.set(sentence.source, text);
  target.replace(index, sentence);
  showStatus();
  announce(t("alternativeChosen", { text }));
  remember();
}

/** A sentence that comes again keeps the translation that was chosen for it. */
function chosen(sentence) {
  sentence.text = state.choices.get(sentence.source) ?? sentence.text;
  return sentence;
}

// ---- history

let rememberTimer;

function rememberSoon() {
  clearTimeout(rememberTimer);
  rememberTimer = setTimeout(remember, 1500); // typing goes on: the last state counts
}

function remember() {
  clearTimeout(rememberTimer);
  if (state.source === null || !state.entry) return;
  const { entry: id, source: text, model } = state;
  history.put({ id, source: text, translation: join(state), model });
}

/** The text at hand gets a new entry unless it is the last one, edited. */
function beginEntry(text) {
  if (state.entry && (state.source === null || isRevision(state.source, text))) return;
  remember();
  state.entry = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

function openEntry(entry) {
  remember();
  state.choices.clear();
  Object.assign(state, { source: null, sentences: [], tail: "", entry: entry.id });
  target.clear();
  source.insert(entry.source, { all: true });
  translateNow();
}

/** A text file that does not fit into the pane is a document, where the service takes them. */
async function openText(text, file) {
  await facts.settled;
  if (source.tooLong(text) && facts.now.documents) return documents.open(file);
  source.insert(text, { all: true });
  translateNow();
}

/** Other terms make other translations: what was chosen for the old ones is forgotten. */
function glossaryChanged() {
  state.choices.clear();
  translateNow();
}

// ---- buttons and keys

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
byId("paste").hidden = !canPaste();
byId("paste").addEventListener("click", async () => {
  try {
    source.insert(await readClipboard());
    translateNow();
  } catch {
    notice.show({ title: t("pasteDenied") });
  }
});
byId("copy").addEventListener("click", async () => {
  await writeClipboard(join(state));
  showCopied(true);
  setTimeout(showCopied, 1600, false);
  announce(t("copied"));
  remember();
});

function showCopied(copied) {
  byId("copy-icon").setAttribute("href", copied ? "#i-check" : "#i-copy");
  label(byId("copy"), t(copied ? "copied" : "copy"));
}

byId("switch-language").addEventListener("click", () => useLanguage(otherLanguage()));
byId("shortcut-key").textContent = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";

addEventListener("online", () => state.problem?.kind === "offline" && translateNow());
addEventListener("pagehide", remember);

// ---- the service

function showFacts({ limit, model }) {
  source.limit = limit;
  showModel(model);
  showLanguages();
  about.refresh();
}

/** A key is asked for before anything is typed; else the first translation says what is wrong. */
function factsFailed(error) {
  if (error.kind === "key" && !source.text) failed(error);
}

function useKey(key) {
  sessionKey.value = key;
  facts.load();
  translateNow();
}

function showModel(tag) {
  state.model = tag || state.model;
  byId("model").textContent = state.model || "csanmt";
}

function showLanguages() {
  const { source: from, target: to } = facts.now;
  byId("source-title").textContent = languageName(from);
  byId("target-title").textContent = languageName(to);
  // Nothing can be dropped on a screen that is touched.
  const touched = window.matchMedia("(hover: none)").matches;
  const invitation = touched ? "sourcePlaceholderTouch" : "sourcePlaceholder";
  byId("source").placeholder = t(invitation, { language: languageName(from) });
  byId("source").lang = byId("mirror").lang = from;
  byId("target").lang = to;
}

function options() {
  const terms = glossary.used();
  return {
    // Similar sentences are asked for too: they are offered in the menu, never used by themselves.
    ...(facts.now.memory && { memory: "fuzzy" }),
    ...(Object.keys(terms).length && { glossary: terms }),
  };
}

// ---- start

onLanguage(() => {
  const other = otherLanguage();
  byId("language-name").textContent = { zh: "中文", en: "English" }[other];
  byId("switch-language").lang = other;
  byId("switch-language").title = t("interfaceLanguage", {}, other);
  document.querySelector(".pane.source").dataset.drop = t("dropHere");
  menu.close();
  showLanguages();
  source.showCount();
  showStatus();
  showProblem();
  target.relabel();
  documents.relabel();
});
initTheme(byId("switch-theme"), byId("theme-icon"));
initFiles({
  onText: openText,
  onDocument: documents.open,
  onProblem: (key) => notice.show({ title: t(key) }),
});
initHistoryPanel(history, { languages: () => facts.now, onOpenEntry: openEntry });
const about = initAbout({ getVersion: () => facts.now.version, getTiming: () => state.timing });
initDialog(byId("history"));
initDialog(byId("glossary"));
initDialog(byId("about"));
applyWords();
document.documentElement.classList.remove("booting");
facts.load();
if (source.text) changed(source.text); // the browser restored it
