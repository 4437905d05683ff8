// The service as the page sees it: a few calls and one kind of error.

import { readEvents } from "./sse.js";

const SILENCE_LIMIT = 60_000; // milliseconds without a byte before the page gives up
const SLOWEST_UPLINK = 8; // bytes a millisecond; how far an upload is, fetch does not tell

// By the error's code, which is all that a stream that has begun can give, or by the status.
const KINDS = {
  overloaded: "overloaded",
  rate_limited: "rateLimited",
  timeout: "timeout",
  unavailable: "unavailable",
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

/**
 * A request that came to nothing.
 *
 * kind: offline, unreachable, interrupted, timeout, overloaded, rateLimited, unavailable,
 *   tooLong, key, invalid or failed; words.*.json have the words for each.
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
  async function send(path, body, signal, method = body ? "POST" : "GET") {
    const form = body instanceof FormData; // the browser names its type and boundary
    const headers = { Accept: "application/json, text/event-stream" };
    if (body && !form) headers["Content-Type"] = "application/json";
    if (key()) headers.Authorization = `Bearer ${key()}`;
    const response = await fetch(new URL(path, base), {
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

  /**
   * What `read` makes of the answer. Gives up after `limit` milliseconds without a byte; every
   * failure but a cancellation is a ServiceError.
   */
  async function ask(path, { body, signal, read = (answer) => answer.json(), limit = SILENCE_LIMIT }) {
    const late = new AbortController();
    let timer;
    let begun = false;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => late.abort(new ServiceError("timeout")), limit);
    };
    const transform = (piece, to) => ((begun = true), watch(), to.enqueue(piece));
    watch();
    try {
      const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
      const { body: bytes, headers } = await send(path, body, either);
      return await read(new Response(bytes.pipeThrough(new TransformStream({ transform })), { headers }));
    } catch (error) {
      signal?.throwIfAborted();
      late.signal.throwIfAborted();
      if (error instanceof ServiceError) throw error;
      if (!navigator.onLine) throw new ServiceError("offline");
      if (error instanceof SyntaxError) throw new ServiceError("failed");
      throw new ServiceError(begun ? "interrupted" : "unreachable");
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** POST /translate: the whole answer at once. */
    translate: (body, signal) => ask("translate", { body, signal }),

    /** POST /translate/stream: calls `on[event](data)` for each event; resolves to the last. */
    stream: (body, signal, on) =>
      ask("translate/stream", { body, signal, read: (answer) => lastOf(answer.body, on) }),

    /** POST /documents: the state of the new document. */
    sendDocument(file, signal) {
      const body = new FormData();
      body.append("file", file, file.name);
      return ask("documents", { body, signal, limit: SILENCE_LIMIT + file.size / SLOWEST_UPLINK });
    },

    /** GET /documents/ID: `{status, progress, name, …}`. */
    document: (id, signal) => ask(`documents/${id}`, { signal }),

    /** GET /documents/ID/content: the translated file as a Blob. */
    documentContent: (id, signal) =>
      ask(`documents/${id}/content`, { signal, read: (answer) => answer.blob() }),

    /** DELETE /documents/ID. */
    forgetDocument: (id) => send(`documents/${id}`, null, undefined, "DELETE"),

    /** GET /version: which model answers, and its limits. */
    version: () => ask("version", {}),
  };
}

async function lastOf(bytes, on) {
  for await (const { event, data } of readEvents(bytes)) {
    const value = JSON.parse(data);
    if (event === "done") return value;
    if (event === "error") throw errorIn(value);
    on[event]?.(value);
  }
  throw new ServiceError("interrupted");
}

async function errorOf(response) {
  const error = errorIn(await response.json().catch(() => null), response.status);
  const wait = response.headers.get("Retry-After");
  if (wait > 0) error.retryAfter = Math.ceil(wait);
  error.requestId = response.headers.get("X-Request-ID") ?? "";
  return error;
}

/** The error in `{"error": {"code", "message"}}`, an answer's or a document's state. */
export function errorIn(body, status = 0) {
  const { code = "", message = "" } = body?.error ?? {};
  return new ServiceError(KINDS[code] ?? KINDS[status] ?? "failed", { detail: String(message), code });
}
