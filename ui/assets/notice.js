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

  const button = (kind, onclick, ...content) =>
    el("button", { type: "button", class: kind, onclick: () => (hide(), onclick?.()) }, ...content);

  function retrying(wait) {
    const clock = el("span", { class: "countdown soft", "aria-live": "off" });
    const again = button("plain", onRetry, t("retry"));
    if (wait === null) return [again];
    const until = Date.now() + wait * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) again.click();
      else clock.textContent = t("retryIn", { seconds: number(left) });
    };
    tick();
    timer = setInterval(tick, 250);
    return [again, clock];
  }

  function asking() {
    const names = { "aria-label": t("keyLabel"), placeholder: t("keyLabel") };
    const field = el("input", { class: "field", type: "password", autocomplete: "off", ...names });
    const use = button("plain", () => onKey(field.value.trim()), t("keyUse"));
    field.addEventListener("keydown", ({ key }) => key === "Enter" && use.click());
    return [field, use];
  }

  return {
    hide,
    /** `problem` as errors.js describes it; a bare `{title}` is a remark without a retry. */
    show({ kind = "remark", title, detail = "", small = "", wait = null, retry = false }) {
      hide();
      const close = button("tool square", null, icon("clear"));
      label(close, t("close"));
      const text = el("div", { role: "alert" }, el("strong", {}, title));
      if (detail) text.append(el("p", { class: "soft" }, detail));
      box.replaceChildren(icon("alert"), text, close);
      const actions = kind === "key" ? asking() : retry ? retrying(wait) : [];
      if (actions.length) box.append(el("div", { class: "actions" }, ...actions));
      if (small) box.append(el("p", { class: "soft small" }, small));
      box.dataset.kind = kind;
      box.hidden = false;
    },
  };
}
