// Answers appear as they are written; a stream that was cut goes on where it was. Enter sends.
(() => {
  "use strict";
  const thread = document.getElementById("thread");
  for (const article of document.querySelectorAll("[data-follow]")) follow(article);

  function follow(article) {
    const message = article.dataset.follow;
    const source = new EventSource(`/chat/${thread.dataset.thread}/events?message=${encodeURIComponent(message)}`);
    const parts = article.querySelector(".parts");
    const at = new Map();
    // What the page came with is written again from the stream's beginning.
    parts.replaceChildren();
    source.addEventListener("text", (event) => {
      const piece = JSON.parse(event.data);
      if (piece.at !== (at.get(piece.n) ?? 0)) return;
      at.set(piece.n, piece.next);
      let text = parts.querySelector(`.text[data-n="${piece.n}"]`);
      if (!text) {
        text = document.createElement("div");
        text.className = "text";
        text.dataset.n = piece.n;
        parts.append(text);
      }
      text.append(piece.text);
    });
    source.addEventListener("part", (event) => {
      const part = JSON.parse(event.data);
      if (!parts.querySelector(`[data-n="${part.n}"]`)) parts.insertAdjacentHTML("beforeend", part.html);
    });
    source.addEventListener("done", (event) => {
      source.close();
      article.innerHTML = JSON.parse(event.data).html;
      delete article.dataset.follow;
      document.dispatchEvent(new CustomEvent("swapped", { detail: article }));
    });
    addEventListener("pagehide", () => source.close());
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("[data-enter]");
    if (!field || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
  const field = document.querySelector("[data-enter]");
  if (field && thread) { field.focus({ preventScroll: true }); document.getElementById("end").scrollIntoView({ block: "end" }); }
})();
