// Crosshair and tooltip over the server's SVG charts; without scripts the charts still stand.
(() => {
  "use strict";
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function nearest(points, at) {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < at) low = middle + 1; else high = middle;
    }
    const before = points[low - 1];
    return before && at - before[0] < points[low][0] - at ? before : points[low];
  }

  document.addEventListener("pointermove", (event) => {
    const svg = event.target.closest?.("svg.chart");
    if (!svg) { hide(); return; }
    const box = svg.getBoundingClientRect();
    const { left, right, from, to } = svg.dataset;
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
    const at = Number(from) + share * (to - from);
    const data = JSON.parse(svg.parentElement.querySelector("script").textContent);
    const rows = data.lines.map((line) => [line.name, nearest(line.points, at)]);
    const cross = svg.querySelector(".cross");
    const where = Number(left) + share * (right - left);
    cross.setAttribute("x1", where);
    cross.setAttribute("x2", where);
    cross.setAttribute("visibility", "visible");
    const place = rows[0][1][0];
    const heading = data.axis === "time" ? new Date(place).toISOString().slice(0, 16).replace("T", " ") : `at ${Math.round(place).toLocaleString("en")} USD`;
    tip.textContent = [heading,
      ...rows.map(([name, point]) => `${name} ${point[1].toFixed(data.digits)} ${data.unit}`)].join("\n");
    tip.hidden = false;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  });
  function hide() {
    if (tip.hidden) return;
    tip.hidden = true;
    for (const cross of document.querySelectorAll("svg.chart .cross")) cross.setAttribute("visibility", "hidden");
  }
})();
