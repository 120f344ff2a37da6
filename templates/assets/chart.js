// Over the server's SVG charts: linked crosshair, tooltip, drag or pinch to zoom, shift-drag to pan, double
// click or Escape to reset, arrow keys to walk. Without scripts the charts still stand.
(() => {
  "use strict";
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  // What a person zoomed to outlives the swap of a fragment: ranges by the name of the chart.
  const ranges = new Map();
  const nameOf = (svg) => svg.getAttribute("aria-label");
  const dataOf = (svg) => JSON.parse(svg.parentElement.querySelector("script").textContent);
  const sizes = (svg) => Object.fromEntries(Object.entries(svg.dataset).map(([key, value]) => [key, Number(value)]));
  const whole = (svg) => { const { from, to } = sizes(svg); return [from, to]; };
  const shown = (svg) => ranges.get(nameOf(svg)) || whole(svg);

  // --- from pixels to values and back
  function valueAt(svg, clientX) {
    const box = svg.getBoundingClientRect();
    const { left, right } = sizes(svg);
    const x = (clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
    const [from, to] = shown(svg);
    return from + share * (to - from);
  }
  function placeOf(svg, value) {
    const { left, right } = sizes(svg);
    const [from, to] = shown(svg);
    return left + (value - from) / (to - from) * (right - left);
  }
  function nearest(points, at) {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < at) low = middle + 1; else high = middle;
    }
    return low > 0 && at - points[low - 1][0] < points[low][0] - at ? low - 1 : low;
  }

  // --- more points of a range than the whole drawing has: asked for once a zoom has come to rest
  const finer = new Map();
  let resting = 0;
  function pointsOf(svg, data, n) {
    const [from, to] = shown(svg), more = finer.get(nameOf(svg));
    const points = more && more.source === data.more && more.from <= from && more.to >= to && more.lines.get(data.lines[n].name);
    return points || data.lines[n].points;
  }
  function refine(charts) {
    clearTimeout(resting);
    resting = setTimeout(() => charts.forEach(fetchFiner), 150);
  }
  async function fetchFiner(svg) {
    const source = dataOf(svg).more, name = nameOf(svg);
    if (!source || !ranges.has(name)) return;
    const [from, to] = shown(svg), known = finer.get(name);
    if (known && known.source === source && known.from === from && known.to === to) return;
    const answer = await fetch(`${source}&format=json&from=${from}&to=${to}`).catch(() => null);
    if (!answer?.ok) return; // the coarse line stays
    const lines = new Map();
    for (const { line, at, value } of await answer.json()) {
      if (!lines.has(line)) lines.set(line, []);
      lines.get(line).push([at, value]);
    }
    finer.set(name, { source, from, to, lines });
    draw(svg);
    svg.dataset.points = Math.max(...[...lines.values()].map((points) => points.length));
  }

  // --- redraw within the shown range
  function draw(svg) {
    const data = dataOf(svg), [from, to] = shown(svg), { top, bottom, low, high, log } = sizes(svg);
    const place = (value) => log ? Math.log(value) : value;
    const y = (value) => top + (place(high) - place(value)) / (place(high) - place(low)) * (bottom - top);
    svg.querySelectorAll("path.line").forEach((path, n) => {
      const place = ([x, value]) => `${placeOf(svg, x).toFixed(1)} ${y(value).toFixed(1)}`;
      const stretches = within(pointsOf(svg, data, n), from, to, data.gaps);
      path.setAttribute("d", stretches.map((points) => "M" + points.map(place).join("L") + (points.length === 1 ? "h0" : "")).join(""));
    });
    const labels = [...svg.querySelectorAll("text.place")];
    labels.forEach((label, n) => {
      const at = from + (to - from) * n / (labels.length - 1);
      label.setAttribute("x", placeOf(svg, at).toFixed(1));
      label.setAttribute("class", `tick place ${n === 0 ? "start" : n === labels.length - 1 ? "end" : "middle"}`);
      label.textContent = placeText(data, at, to - from);
    });
    for (const mark of svg.querySelectorAll("g.mark")) {
      const at = Number(mark.dataset.at), inside = at >= from && at <= to;
      mark.setAttribute("visibility", inside ? "visible" : "hidden");
      mark.setAttribute("transform", `translate(${(placeOf(svg, at) - Number(mark.dataset.x)).toFixed(1)} 0)`);
    }
    for (const span of svg.querySelectorAll("path.span")) {
      const [a, b] = [Number(span.dataset.from), Number(span.dataset.to)], inside = b >= from && a <= to;
      const { y: level, rise } = span.dataset;
      span.setAttribute("visibility", inside ? "visible" : "hidden");
      span.setAttribute("d", `M${placeOf(svg, Math.max(a, from)).toFixed(1)} ${a >= from ? rise : level}V${level}H${placeOf(svg, Math.min(b, to)).toFixed(1)}`);
    }
    for (const gap of svg.querySelectorAll("g.gap")) {
      const [a, b] = [Math.max(Number(gap.dataset.from), from), Math.min(Number(gap.dataset.to), to)];
      const [left, right] = [placeOf(svg, a), placeOf(svg, b)], [shade, label] = gap.querySelectorAll("rect, text");
      gap.setAttribute("display", b > a ? "inline" : "none");
      shade.setAttribute("x", left.toFixed(1));
      shade.setAttribute("width", Math.max(0, right - left).toFixed(1));
      label.setAttribute("x", ((left + right) / 2).toFixed(1));
      label.setAttribute("visibility", right - left < 90 ? "hidden" : "visible");
    }
    svg.classList.toggle("zoomed", ranges.has(nameOf(svg)));
  }
  // The points of a range, with the line cut where it enters and leaves; what lies between two gaps is one list.
  function within(points, from, to, gaps) {
    const cut = (a, b, x) => [x, a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])];
    const stretches = [[]];
    points.forEach((point, n) => {
      const before = points[n - 1];
      const torn = before && gaps.some((gap) => before[0] <= gap[0] && gap[1] <= point[0]);
      if (torn) stretches.push([]);
      const kept = stretches[stretches.length - 1];
      for (const edge of [from, to]) if (before && !torn && before[0] < edge && point[0] > edge) kept.push(cut(before, point, edge));
      if (point[0] >= from && point[0] <= to) kept.push(point);
    });
    return stretches.filter((kept) => kept.length);
  }
  function placeText(data, at, span) {
    if (data.axis !== "time") return Math.round(at).toLocaleString("en");
    const text = new Date(at).toUTCString();
    if (span > 60 * 86400000) return text.slice(5, 16);
    return text.slice(5, 12).trim() + " " + text.slice(17, span < 600000 ? 25 : 22);
  }
  function zoom(svg, from, to) {
    const [first, last] = whole(svg);
    const same = [...document.querySelectorAll("svg.chart:not(.bars)")].filter((other) => other === svg || linked(svg, other));
    const all = to - from >= last - first || to <= from;
    for (const other of same) {
      const [begin, end] = whole(other);
      // A line that begins later shows what it has of the stretch.
      const inside = !all && from < end && to > begin && (from > begin || to < end);
      if (inside) ranges.set(nameOf(other), [Math.max(begin, from), Math.min(end, to)]); else ranges.delete(nameOf(other));
      draw(other);
    }
    refine(same);
  }
  // Charts over time move together.
  function linked(a, b) {
    return dataOf(a).axis === "time" && dataOf(b).axis === "time";
  }

  // --- crosshair
  function point(svg, at, clientX, clientY) {
    for (const other of document.querySelectorAll("svg.chart:not(.bars)")) {
      const cross = other.querySelector(".cross"), [from, to] = shown(other);
      const on = other === svg || (linked(svg, other) && at >= from && at <= to);
      cross.setAttribute("visibility", on ? "visible" : "hidden");
      for (const end of on ? ["x1", "x2"] : []) cross.setAttribute(end, placeOf(other, at));
    }
    const data = dataOf(svg);
    const rows = data.lines.map((line, n) => [line.name, pointsOf(svg, data, n)]).map(([name, points]) => [name, points[nearest(points, at)]]);
    const heading = data.axis === "time" ? new Date(rows[0][1][0]).toISOString().slice(0, 16).replace("T", " ")
      : `at ${Math.round(rows[0][1][0]).toLocaleString("en")} USD`;
    tip.textContent = [heading, ...rows.map(([name, [, value]]) => `${name} ${value.toFixed(data.digits)} ${data.unit}`)].join("\n");
    tip.hidden = false;
    tip.style.left = `${Math.max(8, Math.min(clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${clientY + 14}px`;
  }
  function hide() {
    if (tip.hidden) return;
    tip.hidden = true;
    for (const cross of document.querySelectorAll("svg.chart .cross")) cross.setAttribute("visibility", "hidden");
  }

  // --- hand
  let drag = null;
  const chartOf = (event) => event.target.closest?.("svg.chart:not(.bars)");
  document.addEventListener("pointerdown", (event) => {
    const svg = chartOf(event);
    if (!svg || event.button !== 0 || event.pointerType === "touch") return;
    drag = { svg, clientX: event.clientX, at: valueAt(svg, event.clientX), range: shown(svg), pan: event.shiftKey };
    event.preventDefault();
    svg.focus({ preventScroll: true });
  });
  document.addEventListener("pointermove", (event) => {
    const svg = chartOf(event);
    if (drag?.pan && svg === drag.svg) {
      const moved = valueAt(svg, event.clientX) - valueAt(svg, drag.clientX);
      const [from, to] = drag.range, [first, last] = whole(svg);
      const shift = Math.min(Math.max(-moved, first - from), last - to);
      zoom(svg, from + shift, to + shift);
    }
    if (svg) point(svg, valueAt(svg, event.clientX), event.clientX, event.clientY); else hide();
  });
  document.addEventListener("pointerup", (event) => {
    if (drag && !drag.pan && Math.abs(event.clientX - drag.clientX) > 8) {
      const at = valueAt(drag.svg, event.clientX);
      zoom(drag.svg, Math.min(at, drag.at), Math.max(at, drag.at));
    }
    drag = null;
  });
  document.addEventListener("dblclick", (event) => { const svg = chartOf(event); if (svg) zoom(svg, ...whole(svg)); });

  // --- two fingers: what lies under each stays under it
  const touches = new Map();
  let pinch = null;
  const xs = () => [...touches.values()].map((touch) => touch.clientX).sort((a, b) => a - b);
  document.addEventListener("pointerdown", (event) => {
    const svg = chartOf(event);
    if (!svg || event.pointerType !== "touch") return;
    touches.set(event.pointerId, { svg, clientX: event.clientX });
    const same = [...touches.values()].every((touch) => touch.svg === svg);
    if (touches.size === 2 && same) pinch = { svg, at: xs().map((x) => valueAt(svg, x)) };
  });
  document.addEventListener("pointermove", (event) => {
    if (!touches.has(event.pointerId)) return;
    touches.get(event.pointerId).clientX = event.clientX;
    if (!pinch || touches.size !== 2) return;
    const { svg, at } = pinch, box = svg.getBoundingClientRect(), { left, right } = sizes(svg);
    const share = (x) => ((x - box.left) * svg.viewBox.baseVal.width / box.width - left) / (right - left);
    const [a, b] = xs().map(share);
    if (b - a < 0.02) return;
    const span = (at[1] - at[0]) / (b - a);
    zoom(svg, at[0] - a * span, at[0] + (1 - a) * span);
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, (event) => {
    touches.delete(event.pointerId);
    if (touches.size < 2) pinch = null;
  });

  // --- a row of a table that speaks of a stretch of time shows it
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("[data-zoom-from]");
    if (!row || event.target.closest("a, button, summary")) return;
    const svg = document.querySelector("svg.chart:not(.bars)");
    const { zoomFrom, zoomTo } = row.dataset, pad = (zoomTo - zoomFrom) * 0.15 + 3600000;
    if (svg) zoom(svg, Number(zoomFrom) - pad, Number(zoomTo) + pad);
    svg?.scrollIntoView({ block: "center", behavior: "smooth" });
  });

  // --- keys
  let cursor = 0;
  document.addEventListener("keydown", (event) => {
    const svg = chartOf(event);
    if (!svg) return;
    if (event.key === "Escape") { zoom(svg, ...whole(svg)); hide(); return; }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const points = pointsOf(svg, dataOf(svg), 0), [from, to] = shown(svg);
    const [first, last] = [nearest(points, from), nearest(points, to)];
    cursor = Math.min(last, Math.max(first, cursor + step));
    const box = svg.getBoundingClientRect();
    const x = placeOf(svg, points[cursor][0]) * box.width / svg.viewBox.baseVal.width;
    point(svg, points[cursor][0], box.left + x, box.top + 20);
  });
  document.addEventListener("swapped", (event) => {
    for (const svg of event.detail.querySelectorAll("svg.chart:not(.bars)")) if (ranges.has(nameOf(svg))) draw(svg);
  });
})();
