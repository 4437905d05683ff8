// The drawer that shows the history.

import { announce } from "./announce.js";
import { el, icon, byId } from "./dom.js";
import { currentLanguage, label, onLanguage, t } from "./i18n.js";

export function initHistoryPanel(history, { languages, onOpenEntry }) {
  const dialog = byId("history");
  const list = byId("entries");
  const deleteAll = byId("delete-all");
  const keep = byId("keep-history");

  function show() {
    const entries = history.list();
    list.replaceChildren(...entries.map(row));
    byId("no-entries").hidden = entries.length > 0;
    deleteAll.disabled = entries.length === 0;
    keep.checked = history.kept;
  }

  function row(entry) {
    const when = new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "short" });
    const time = el("time", { class: "soft small", datetime: new Date(entry.at).toISOString() }, when.format(entry.at));
    const source = el("span", { class: "entry-source", lang: languages().source }, entry.source.slice(0, 300));
    const target = el("span", { class: "entry-target soft", lang: languages().target }, entry.translation.slice(0, 300));
    const open = el("button", { type: "button", class: "entry", onclick: () => (dialog.close(), onOpenEntry(entry)) }, source, target, time);
    const remove = el("button", { type: "button", class: "tool square", onclick: () => removeEntry(entry, node) }, icon("trash"));
    label(remove, t("deleteEntry"));
    const node = el("li", {}, open, remove);
    return node;
  }

  function removeEntry(entry, node) {
    const index = [...list.children].indexOf(node);
    history.remove(entry.id);
    show();
    const next = list.children[index] ?? list.lastElementChild;
    (next?.querySelector(".square") ?? keep).focus();
    announce(t("deletedEntry"));
  }

  deleteAll.addEventListener("click", () => {
    if (!confirm(t("deleteAllSure"))) return;
    history.clear();
    show();
    keep.focus();
    announce(t("deletedAll"));
  });
  keep.addEventListener("change", () => (history.kept = keep.checked));
  byId("open-history").addEventListener("click", () => (show(), dialog.showModal()));
  onLanguage(() => dialog.open && show());
}

/** Close buttons, and a click beside the dialog closes it. */
export function initDialog(dialog) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
