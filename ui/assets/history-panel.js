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
    disarm();
  }

  function row(entry) {
    const when = new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "short" });
    const time = el("time", { datetime: new Date(entry.at).toISOString() }, when.format(entry.at));
    const source = el("span", { class: "entry-source", lang: languages().source }, entry.source.slice(0, 300));
    const target = el("span", { class: "entry-target", lang: languages().target }, entry.translation.slice(0, 300));
    const open = el("button", { type: "button", class: "entry", onclick: () => (dialog.close(), onOpenEntry(entry)) }, source, target, time);
    const remove = el("button", { type: "button", class: "tool square", onclick: () => removeEntry(entry, node) }, icon("trash"));
    label(remove, t("deleteEntry"));
    const node = el("li", {}, open, remove);
    return node;
  }

  function removeEntry(entry, node) {
    const next = node.nextElementSibling ?? node.previousElementSibling;
    history.remove(entry.id);
    show();
    const index = next ? [...list.children].findIndex((li) => li.textContent === next.textContent) : -1;
    (list.children[index]?.querySelector(".square") ?? keep).focus();
    announce(t("deletedEntry"));
  }

  // Deleting everything takes two presses of the same button.
  const disarm = () => {
    delete deleteAll.dataset.armed;
    deleteAll.textContent = t("deleteAll");
  };
  deleteAll.addEventListener("blur", disarm);
  deleteAll.addEventListener("click", () => {
    if (!deleteAll.dataset.armed) {
      deleteAll.dataset.armed = "yes";
      deleteAll.textContent = t("deleteAllSure");
      return;
    }
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
