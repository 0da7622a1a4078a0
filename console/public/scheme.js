// Runs before the first paint, so that a dark page never flashes white. Kept out of the page itself: the content security
// policy allows no inline script.
(() => {
  let wish = "auto";
  try {
    wish = window.localStorage.getItem("mantine-color-scheme-value") || "auto";
  } catch {
    // Storage may be forbidden; the system's scheme it is.
  }
  const dark = wish === "dark" || (wish !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
