// When to translate: debounce, cancel what is outdated, report each step to the page.

import * as requests from "./requests.js";
import { fromAnswer, segmentReader } from "./sentences.js";

const DEBOUNCE = 350; // milliseconds after the last key

/**
 * The callbacks of `view`, in order: admit(), which resolves once the text may be sent and rejects
 * if it may not, begin(), for a long text segment(sentence, total)…, then one of done(result) and
 * failed(error).
 * result: {source, sentences, tail, model, seconds, serverSeconds}.
 */
export function createTranslating(client, view) {
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
    const ask = requests.worthStreaming(source) ? streamed : atOnce;
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

  const atOnce = (source, signal) => client.translate(requests.forText(source), signal);

  function streamed(source, signal, onSentence) {
    const read = segmentReader(source);
    let total = 0;
    return client.stream(requests.forText(source), signal, {
      start: ({ segments }) => (total = segments),
      segment: (segment) => onSentence(read(segment), total),
    });
  }

  return {
    soon: (source) => (cancel(), (timer = setTimeout(start, DEBOUNCE, source))),
    now: start,
    cancel,
    /** Other translations of one sentence, best first. */
    async alternatives(sentence, signal) {
      const answer = await client.translate(requests.forAlternatives(sentence.source), signal);
      return [answer.translation, ...answer.alternatives];
    },
  };
}
