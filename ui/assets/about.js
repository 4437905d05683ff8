// The card that says which model answers and how long the last answer took.

import { byId, el } from "./dom.js";
import { duration, onLanguage, t } from "./i18n.js";
import { factAt } from "./service-facts.js";

// Where /version keeps each fact.
const FACTS = {
  fact_model: "model.tag",
  fact_digest: "model.digest",
  fact_engine: "engine.name",
  fact_isa: "engine.isa",
  fact_beam: "decoding.beam",
  fact_length_penalty: "decoding.length_penalty",
  fact_bento: "bento",
  fact_commit: "git_commit",
};

/** `getVersion()`: the body of /version or null; `getTiming()`: {total, server} in seconds. */
export function initAbout({ getVersion, getTiming }) {
  const dialog = byId("about");

  function show() {
    const version = getVersion();
    const rows = Object.entries(FACTS).flatMap(([word, path]) => {
      const value = factAt(version, path);
      return value === undefined ? [] : [row(t(word), String(value))];
    });
    if (!rows.length) rows.push(row(t("fact_model"), t("aboutUnknown")));
    const { total, server } = getTiming();
    if (total !== null) rows.push(row(t("fact_latency"), latency(total, server)));
    byId("facts").replaceChildren(...rows);
  }

  byId("open-about").addEventListener("click", () => (show(), dialog.showModal()));
  const refresh = () => dialog.open && show();
  onLanguage(refresh);
  return { refresh };
}

const row = (name, value) => el("div", {}, el("dt", { class: "soft" }, name), el("dd", {}, value));

const latency = (total, server) =>
  server === null
    ? duration(total)
    : t("latencyParts", { total: duration(total), server: duration(server) });
