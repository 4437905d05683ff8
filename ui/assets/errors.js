// From a ServiceError to what a person needs: words, and when trying again makes sense.

import { number, t } from "./i18n.js";

const DEFAULT_WAIT = { overloaded: 5, rateLimited: 15, unavailable: 5, unreachable: 5 }; // seconds
const NO_RETRY = new Set(["tooLong", "key", "invalid"]);

/**
 * `{kind, title, detail, small, wait, retry}`; `wait`: seconds until the page tries again by
 * itself, or null; `retry`: whether a button offers to.
 */
export function describe(error, { limit }) {
  const { kind } = error;
  return {
    kind,
    title: t(kind),
    detail: kind === "tooLong" ? tooLong(limit) : explanation(error),
    small: error.requestId ? t("requestId", { id: error.requestId }) : "",
    wait: kind in DEFAULT_WAIT ? (error.retryAfter ?? DEFAULT_WAIT[kind]) : null,
    retry: !NO_RETRY.has(kind),
  };
}

/** What the server says about a text it refused is more exact than anything we could. */
const explanation = ({ kind, detail }) => (kind === "invalid" && detail ? detail : t(`${kind}Detail`));

const tooLong = (limit) =>
  Number.isFinite(limit) ? t("tooLongDetail", { limit: number(limit) }) : t("tooLongUnknown");
