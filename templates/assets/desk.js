// Theme, keyboard, relative times, copy of nothing: what every page does besides being read.
(() => {
  "use strict";
  const root = document.documentElement;
  const body = document.body.dataset;
  const started = performance.now();
  const deskAt = Number(body.deskNow), wallAt = Number(body.wallNow), speed = Number(body.speed) || 1;

  // --- theme
  const dark = () => root.dataset.theme === "dark" ||
    (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  function toggleTheme() {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* this page only */ }
  }

  // --- relative times: desk time runs at the desk's speed, wall time at ours
  const now = (clock) => clock === "wall"
    ? wallAt + (performance.now() - started)
    : deskAt + (performance.now() - started) * speed;
  const units = [[172800000, 86400000, "d"], [3600000, 3600000, "h"], [60000, 60000, "min"], [1000, 1000, "s"]];
  function relative(delta) {
    const span = Math.abs(delta);
    const unit = units.find(([from]) => span >= from);
    if (!unit) return "just now";
    const text = `${Math.floor(span / unit[1])} ${unit[2]}`;
    return delta > 0 ? `${text} ago` : `in ${text}`;
  }
  function tick() {
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const ago = time.querySelector(".ago");
      const text = relative(now(time.dataset.clock) - Date.parse(time.dateTime));
      if (ago && ago.textContent !== text) ago.textContent = text;
    }
    for (const time of document.querySelectorAll("time[data-tick]")) {
      time.textContent = new Date(now("desk")).toISOString().slice(0, 19) + "Z";
    }
  }
  setInterval(tick, 1000);

  // --- keyboard
  const help = document.getElementById("help");
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  let waitingForLetter = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (waitingForLetter) {
      waitingForLetter = false;
      const link = document.querySelector(`#nav a[data-letter="${CSS.escape(event.key)}"]`);
      if (link) link.click();
      return;
    }
    const search = document.querySelector("[data-search]");
    if (event.key === "g") { waitingForLetter = true; setTimeout(() => { waitingForLetter = false; }, 1500); }
    else if (event.key === "t") toggleTheme();
    else if (event.key === "r") document.querySelector("[data-refresh]")?.click();
    else if (event.key === "?") help.showModal();
    else if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) toggleTheme();
    if (event.target.closest("[data-help]")) help.showModal();
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of document.querySelectorAll(`input[name="${all.dataset.checkAll}"]`)) box.checked = all.checked;
  });
  // A slow form shows a button that stops it; closing the request stops the statement in the database.
  document.addEventListener("submit", (event) => {
    const stop = event.target.matches("form[data-slow]") && event.target.querySelector("[data-stop]");
    if (stop) { stop.hidden = false; stop.addEventListener("click", () => { window.stop(); stop.hidden = true; }); }
  });
  window.addEventListener("pageshow", () => {
    for (const stop of document.querySelectorAll("[data-stop]")) stop.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("[data-submit]");
    if (field && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); field.form.requestSubmit(); }
  });
  // Pickers go to what they show at once; without scripts their button does.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });
})();
