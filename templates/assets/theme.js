// Runs before the first paint, so that a stored choice never flashes.
(() => {
  "use strict";
  let choice = null;
  try { choice = localStorage.getItem("theme"); } catch { /* storage is off: follow the system */ }
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
})();
