// Runs before the first paint: theme and interface language, so that nothing flickers.
// A classic script on purpose; modules run too late. Keep the keys in step with preferences.js.
(() => {
  const root = document.documentElement;
  const read = (key) => {
    try {
      return localStorage.getItem(`csanmt.${key}`);
    } catch {
      return null; // storage is blocked
    }
  };
  const theme = read("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const chosen = read("language") ?? navigator.languages?.[0] ?? "en";
  if (chosen.toLowerCase().startsWith("zh")) {
    root.lang = "zh-CN";
    root.classList.add("booting"); // hides the English words of index.html
    setTimeout(() => root.classList.remove("booting"), 1500); // whatever happens to the modules
  }
})();
