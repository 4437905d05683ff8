// The service as the page sees it: three calls and one kind of error.

import { readEvents } from "./sse.js";

const SILENCE_LIMIT = 60_000; // milliseconds without a byte before the page gives up
const SLOWEST_UPLINK = 8; // bytes a millisecond; how far an upload is, fetch does not tell
const BY_STATUS = {
  400: "invalid",
  401: "key",
  403: "key",
  413: "tooLong",
  415: "invalid",
  422: "invalid",
  429: "overloaded",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};
// A stream that has begun has no status any more, only the error's code.
const BY_CODE = {
  overloaded: "overloaded",
  rate_limited: "rateLimited",
  timeout: "timeout",
  unavailable: "unavailable",
};

/**
 * A request that came to nothing.
 *
 * kind: offline, unreachable, interrupted, timeout, overloaded, rateLimited, unavailable,
 *   tooLong, key, invalid or failed; i18n.js has the words for each.
 * retryAfter: seconds the server asked to wait, or null.
 * detail: the server's own sentence, or "". code: its word for what went wrong, or "".
 */
export class ServiceError extends Error {
  constructor(kind, { retryAfter = null, detail = "", requestId = "", code = "" } = {}) {
    super(detail || kind);
    Object.assign(this, { name: "ServiceError", kind, retryAfter, detail, requestId, code });
  }
}

/** `base`: where the service lives; `key()`: the API key or ""; both are read at every call. */
export function createClient({ base = document.baseURI, key = () => "" } = {}) {
  const url = (path) => new URL(path, base);

  async function send(path, body, signal, method = body ? "POST" : "GET") {
    const form = body instanceof FormData; // the browser names its type and boundary
    const headers = { Accept: "application/json, text/event-stream" };
    if (body && !form) headers["Content-Type"] = "application/json";
    if (key()) headers.Authorization = `Bearer ${key()}`;
    const response = await fetch(url(path), {
      method,
      headers,
      body: form ? body : body && JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "same-origin",
    });
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  return {
    /** POST /translate: the whole answer at once. */
    translate: (body, signal) =>
      guarded(signal, async (watch) => (await send("translate", body, watch.signal)).json()),

    /** POST /translate/stream: calls `on[event](data)` for each event; resolves to the last. */
    stream: (body, signal, on) =>
      guarded(signal, async (watch) => {
        const response = await send("translate/stream", body, watch.signal);
        for await (const { event, data } of readEvents(response.body, watch.feed)) {
          const value = JSON.parse(data);
          if (event === "done") return value;
          if (event === "error") throw errorIn(value);
          on[event]?.(value);
        }
        throw new ServiceError("interrupted");
      }),

    /** POST /documents: the state of the new document. */
    sendDocument: (file, signal) =>
      guarded(
        signal,
        async (watch) => {
          const form = new FormData();
          form.append("file", file, file.name);
          return (await send("documents", form, watch.signal)).json();
        },
        SILENCE_LIMIT + file.size / SLOWEST_UPLINK,
      ),

    /** GET /documents/ID: `{status, progress, name, …}`. */
    document: (id, signal) =>
      guarded(signal, async (watch) => (await send(`documents/${id}`, null, watch.signal)).json()),

    /** GET /documents/ID/content: the translated file as a Blob. */
    documentContent: (id, signal) =>
      guarded(signal, async (watch) => {
        const response = await send(`documents/${id}/content`, null, watch.signal);
        return blobOf(response, watch.feed);
      }),

    /** DELETE /documents/ID. */
    forgetDocument: (id) => send(`documents/${id}`, null, undefined, "DELETE"),

    /** What a document's state says went wrong. */
    problemOf: (state) => errorIn(state),

    /** GET /version: which model answers, and its limits. */
    version: (signal = new AbortController().signal) =>
      guarded(signal, async (watch) => (await send("version", null, watch.signal)).json()),
  };
}

/** Runs `work` under a watchdog and turns every failure but a cancellation into a ServiceError. */
async function guarded(signal, work, limit = SILENCE_LIMIT) {
  const watch = watchdog(signal, limit);
  let begun = false;
  try {
    return await work({ signal: watch.signal, feed: () => ((begun = true), watch.feed()) });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ServiceError) throw error;
    if (!navigator.onLine) throw new ServiceError("offline");
    if (error instanceof SyntaxError) throw new ServiceError("failed");
    throw new ServiceError(begun ? "interrupted" : "unreachable");
  } finally {
    watch.stop();
  }
}

/** Aborts with a timeout when `feed` was not called for `limit` milliseconds, or with `outer`. */
function watchdog(outer, limit) {
  const late = new AbortController();
  let timer;
  const feed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => late.abort(new ServiceError("timeout")), limit);
  };
  feed();
  const signal = AbortSignal.any([outer, late.signal]);
  return { signal, feed, stop: () => clearTimeout(timer) };
}

/** The body as a Blob; calls `feed` for every piece of it that comes. */
async function blobOf(response, feed) {
  const reader = response.body.getReader();
  const pieces = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return new Blob(pieces, { type: response.headers.get("Content-Type") ?? "" });
    feed();
    pieces.push(value);
  }
}

async function errorOf(response) {
  const error = errorIn(await response.json().catch(() => null), response.status);
  error.retryAfter = secondsIn(response.headers.get("Retry-After"));
  error.requestId = response.headers.get("X-Request-ID") ?? "";
  return error;
}

/** Reads `{"error": {"code", "message"}}`. */
function errorIn(body, status = 0) {
  const { code = "", message = "" } = body?.error ?? {};
  const kind = BY_CODE[code] ?? BY_STATUS[status] ?? "failed";
  return new ServiceError(kind, { detail: String(message), code });
}

/** Retry-After is a number of seconds or a date. */
function secondsIn(header) {
  if (!header) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}
