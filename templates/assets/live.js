// One event stream a page: fragments are swapped by id; hidden tabs hold no stream.
(() => {
  "use strict";
  const body = document.body.dataset;
  const badge = document.getElementById("offline");
  const button = document.querySelector("[data-refresh]");
  let source = null, wanted = true, mark = body.mark;

  function open() {
    if (source || !wanted || document.hidden) return;
    const query = new URLSearchParams({ page: body.page, mark });
    source = new EventSource(`/events?${query}`);
    source.addEventListener("hello", () => { badge.hidden = true; });
    source.addEventListener("fragment", (event) => { badge.hidden = true; swap(JSON.parse(event.data)); });
    source.onerror = () => {
      badge.hidden = false;
      // The browser retries by itself unless it was refused outright.
      if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 3000); }
    };
  }
  function close() {
    if (source) source.close();
    source = null;
  }

  // What a person did inside a fragment outlives the swap: focus, open folds, ticked boxes, scrolling.
  const keyOf = (element) => element.id ? `#${CSS.escape(element.id)}` : element.dataset.key
    ? `[data-key="${CSS.escape(element.dataset.key)}"]` : null;
  function swap({ id, html, mark: at }) {
    const target = document.getElementById(id);
    mark = at;
    if (!target) return;
    const active = document.activeElement;
    if (target.contains(active) && active.matches("input:not([type=checkbox]), textarea, select")) return;
    const focused = target.contains(active) ? focusKey(target, active) : null;
    const open = [...target.querySelectorAll("details")].filter((fold) => fold.open && keyOf(fold)).map(keyOf);
    const ticked = [...target.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value);
    const scrolled = [...target.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    target.innerHTML = html;
    for (const key of open) { const fold = target.querySelector(key); if (fold) fold.open = true; }
    for (const box of target.querySelectorAll("input[type=checkbox]")) if (ticked.includes(box.value)) box.checked = true;
    target.querySelectorAll(".scroll").forEach((box, n) => {
      if (scrolled[n]) [box.scrollLeft, box.scrollTop] = scrolled[n];
    });
    if (focused) focused(target)?.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("swapped", { detail: target }));
  }
  function focusKey(target, active) {
    const key = keyOf(active);
    if (key) return (root) => root.querySelector(key);
    const index = [...target.querySelectorAll("a, button, input, summary, [tabindex]")].indexOf(active);
    return (root) => root.querySelectorAll("a, button, input, summary, [tabindex]")[index];
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  button?.addEventListener("click", () => {
    wanted = !wanted;
    button.setAttribute("aria-pressed", String(wanted));
    if (wanted) open(); else close();
  });
  open();
})();
