// Light, dark, or as the system says; boot.js has applied the stored choice already.

import { label, onLanguage, t } from "./i18n.js";
import { write } from "./preferences.js";

const ORDER = ["auto", "light", "dark"];

export function initTheme(button, icon) {
  let theme = document.documentElement.dataset.theme ?? "auto";

  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    icon.setAttribute("href", `#i-${theme}`);
    label(button, t(`theme_${theme}`));
  };

  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    write("theme", theme === "auto" ? null : theme);
    show();
  });
  onLanguage(show);
}
