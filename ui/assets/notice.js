// The card that says in words what went wrong, over the foot of the right pane.

import { el, icon } from "./dom.js";
import { label, number, t } from "./i18n.js";

/** Handlers: onRetry(), onKey(key). */
export function createNotice(box, { onRetry, onKey }) {
  let timer;

  function hide() {
    clearInterval(timer);
    box.hidden = true;
    box.replaceChildren();
  }

  function retryNow() {
    hide();
    onRetry();
  }

  function closer() {
    const button = el("button", { type: "button", class: "tool square", onclick: hide }, icon("clear"));
    label(button, t("close"));
    return button;
  }

  function countDown(node, seconds) {
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) retryNow();
      else node.textContent = t("retryIn", { seconds: number(left) });
    };
    tick();
    timer = setInterval(tick, 250);
  }

  function keyForm() {
    const field = el("input", {
      class: "field",
      type: "password",
      "aria-label": t("keyLabel"),
      placeholder: t("keyLabel"),
      autocomplete: "off",
    });
    const use = () => field.value.trim() && (hide(), onKey(field.value.trim()));
    field.addEventListener("keydown", (event) => event.key === "Enter" && use());
    const button = el("button", { type: "button", class: "plain", onclick: use }, t("keyUse"));
    return el("div", { class: "notice-actions" }, field, button);
  }

  return {
    hide,
    /** `problem` as errors.js describes it; a bare `{title}` is a remark without a retry. */
    show({ kind = "remark", title, detail = "", small = "", wait = null, retry = false }) {
      hide();
      const text = el("div", { class: "notice-text", role: "alert" }, el("strong", {}, title));
      if (detail) text.append(el("p", {}, detail));
      const parts = [icon("alert"), text, closer()];
      if (kind === "key") parts.push(keyForm());
      if (retry) {
        const button = el("button", { type: "button", class: "plain", onclick: retryNow }, t("retry"));
        const clock = el("span", { class: "countdown", "aria-live": "off" });
        parts.push(el("div", { class: "notice-actions" }, button, clock));
        if (wait !== null) countDown(clock, wait);
      }
      if (small) parts.push(el("p", { class: "notice-small" }, small));
      box.dataset.kind = kind;
      box.replaceChildren(...parts);
      box.hidden = false;
    },
  };
}
