// When and what to ask: debounce, cancel what is outdated, report each step to the page.

import { fromAnswer, segmentReader } from "./sentences.js";

const DEBOUNCE = 350; // milliseconds after the last key
const STREAM_FROM = 120; // characters; shorter texts of one line are answered at once
const ALTERNATIVES = 3; // with the first one these fill a beam of four, which is the usual width

/** Lone surrogates are not text and no server could take them. */
const clean = (text) => (text.toWellFormed ? text.toWellFormed() : text);

const worthStreaming = (text) => text.length > STREAM_FROM || /\n\s*\S/.test(text.trim());

/**
 * `options()`: fields that every request carries. The callbacks of `view`, in order: admit(),
 * which resolves once the text may be sent and rejects if it may not, begin(), for a long text
 * segment(sentence, total)…, then one of done(result) and failed(error).
 * result: {source, sentences, tail, model, seconds, serverSeconds}.
 */
export function createTranslating(client, options, view) {
  let timer;
  let running = null; // AbortController

  function cancel() {
    clearTimeout(timer);
    running?.abort(new DOMException("a newer text", "AbortError"));
    running = null;
  }

  async function start(source) {
    cancel();
    const controller = (running = new AbortController());
    const current = () => running === controller;
    try {
      await view.admit();
      if (!current()) return;
      const began = performance.now();
      view.begin();
      const answer = await ask(source, controller.signal, (...step) => current() && view.segment(...step));
      if (!current()) return;
      running = null;
      view.done({
        ...fromAnswer(source, answer),
        source,
        model: answer.model,
        seconds: (performance.now() - began) / 1000,
        serverSeconds: answer.timing?.total_seconds ?? null,
      });
    } catch (error) {
      if (!current()) return; // outdated: nobody wants to know
      running = null;
      view.failed(error);
    }
  }

  function ask(source, signal, onSentence) {
    const body = { text: clean(source), segments: true, timing: true, ...options() };
    if (!worthStreaming(source)) return client.translate(body, signal);
    const read = segmentReader(source);
    let total = 0;
    return client.stream(body, signal, {
      start: ({ segments }) => (total = segments),
      segment: (segment) => onSentence(read(segment), total),
    });
  }

  return {
    soon: (source) => (cancel(), (timer = setTimeout(start, DEBOUNCE, source))),
    now: start,
    cancel,
    /** Other translations of one sentence by the model itself, best first. */
    async alternatives({ source }, signal) {
      const body = { text: clean(source), alternatives: ALTERNATIVES, ...options() };
      const answer = await client.translate({ ...body, memory: undefined }, signal);
      return [answer.translation, ...answer.alternatives];
    },
  };
}
