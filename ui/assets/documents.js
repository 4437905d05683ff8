// A document on its way: sent, translated, ready to be saved. One card, one document at a time.

import { errorIn } from "./api.js";
import { el, icon } from "./dom.js";
import { label, number, t } from "./i18n.js";

const FIRST_LOOK = 300; // milliseconds; every look waits half as long again, up to LAST_LOOK
const LAST_LOOK = 3000;
const PATIENCE = 5; // looks in a row that may fail, as while the service is being switched

export const DOCUMENTS = /\.(docx|pptx|xlsx|od[tps]|epub|html?|xhtml|srt|vtt|ass|ssa|lrc|csv|tsv|tab|po|xliff|xlf|json)$/i;

/** Codes of the service that the page has words of its own for. */
export const REFUSALS = new Set([
  "bad_document",
  "document_too_large",
  "unsupported_document",
  "document_lost",
  "storage_full",
]);

/**
 * `box`: the card. `client`: api.js. Handlers: announce(text), onProblem(error).
 * `open(file)` sends a file; what was there before is cancelled.
 */
export function createDocuments(box, client, { announce, onProblem }) {
  let current = null; // {id, name, controller, address, words, share}

  function close() {
    const job = current;
    current = null;
    box.hidden = true;
    box.replaceChildren();
    if (!job) return;
    job.controller.abort(new DOMException("closed", "AbortError"));
    if (job.address) URL.revokeObjectURL(job.address);
    if (job.id) client.forgetDocument(job.id).catch(() => {}); // it is forgotten by itself later
  }

  async function open(file) {
    close();
    const job = { name: file.name, controller: new AbortController(), words: "documentSending" };
    current = job;
    show(job);
    announce(t("documentSending", { name: file.name }));
    try {
      await follow(job, file);
    } catch (error) {
      if (current !== job) return; // closed: nobody wants to know
      close();
      onProblem(error);
    }
  }

  async function follow(job, file) {
    const { signal } = job.controller;
    let state = await client.sendDocument(file, signal);
    job.id = state.id;
    let failures = 0;
    for (let wait = FIRST_LOOK; state.status !== "done"; wait = Math.min(wait * 1.5, LAST_LOOK)) {
      if (state.status === "error") throw errorIn(state);
      Object.assign(job, { words: "documentTranslating", share: state.progress });
      show(job);
      await pause(wait, signal);
      try {
        state = await client.document(job.id, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted || error.kind === "failed" || ++failures > PATIENCE) throw error;
      }
    }
    const content = await client.documentContent(job.id, signal);
    if (current !== job) return;
    Object.assign(job, { words: "documentDone", share: 1, result: state.name });
    job.left = state.warnings ?? [];
    job.address = URL.createObjectURL(content);
    show(job);
    announce([t("documentReady", { name: state.name }), left(job)].filter(Boolean).join(" "));
  }

  function show(job) {
    const percent = number(job.share ?? 0, { style: "percent" });
    const name = el("strong", {}, job.result ?? job.name);
    const words = el("p", { class: "soft" }, t(job.words, { name: job.result ?? job.name, percent }));
    const text = el("div", {}, name, words);
    if (left(job)) text.append(el("p", { class: "document-left" }, left(job)));
    const result = job.address
      ? el("a", { class: "plain", href: job.address, download: job.result }, t("documentSave"))
      : el("progress", { max: 1, value: job.share, "aria-label": t("documentProgress") });
    const button = el("button", { type: "button", class: "tool square", onclick: close }, icon("clear"));
    label(button, t(job.address ? "close" : "documentCancel"));
    const focused = box.contains(document.activeElement);
    box.replaceChildren(icon("file"), text, result, button);
    box.hidden = false;
    if (focused) button.focus(); // the card was drawn anew under the user's hand
  }

  return { open, close, relabel: () => current && show(current) };
}

/** What of a document stays in Chinese, in a sentence; nothing where all is translated. */
function left(job) {
  if (!job.left?.length) return "";
  const list = job.left.map(({ part, count }) => `${t(`left_${part}`)} (${number(count)})`);
  return t("documentLeft", { list: list.join(t("listSeparator")) });
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
