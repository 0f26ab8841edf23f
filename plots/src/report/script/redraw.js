// What a drawing shows of another range of time: lines from the values, and ticks, phases and marks in their places.

// The same steps as the drawing's own ticks.
const TIME_STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const HOUR_STEPS = [0.25, 0.5, 1, 2, 3, 6, 12, 24, 48];

// Between two ticks, in px, at least.
const TICK_ROOM = 75;

// Round places in a range, in what the axis counts in, and what stands at them.
function ticks(from, to, factor, count) {
  const rough = (to - from) / factor / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const timely = { 1: TIME_STEPS, 60: TIME_STEPS, 3600: HOUR_STEPS }[factor] ?? [];
  const steps = rough >= (timely[0] ?? Infinity) / 2 ? timely : [1, 2, 5, 10].map((digit) => digit * power);
  const step = steps.find((step) => step >= rough) ?? rough;
  let decimals = 0;
  while (decimals < 9 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals++;
  const list = [];
  for (let at = Math.ceil(from / factor / step - 1e-6); at * step * factor <= to * (1 + 1e-9); at++) {
    list.push([at * step * factor, at === 0 ? "0" : grouped(at * step, decimals)]);
  }
  return list;
}

// A path through points in px; NaN lifts the pen.
function path(points, shape) {
  let d = "";
  let drawing = false;
  for (const [x, y] of points) {
    if (Number.isNaN(y)) {
      drawing = false;
      continue;
    }
    if (shape === "points" || !drawing) d += `M${x} ${y}h0`;
    else if (shape === "steps") d += `H${x}V${y}`;
    else d += `L${x} ${y}`;
    drawing = true;
  }
  return d;
}

Object.assign(Drawing.prototype, {
  // The places of a series' points from the last before the range to the first after it.
  places(panel, xs, ys) {
    const { from, to } = this.x;
    const first = Math.max(0, lastAtOrBelow(xs, from));
    let end = first;
    while (end < xs.length && xs[end] <= to) end++;
    end = Math.min(xs.length, end + 1);
    const places = [];
    for (let at = first; at < end; at++) {
      const y = ys[at] === null ? NaN : panel.y.place(ys[at]);
      places.push([short(this.x.place(xs[at])), short(Number.isFinite(y) ? y : NaN)]);
    }
    return places;
  },

  redrawLines(panel, range) {
    for (const line of panel.group.querySelectorAll(".lines path")) {
      if (!this.whole.has(line)) this.whole.set(line, line.getAttribute("d"));
      line.setAttribute("d", range ? this.redrawn(panel, line) : this.whole.get(line));
    }
    for (const dot of panel.group.querySelectorAll(".lines circle")) {
      dot.valueAt ??= new Scale(this.kind, ...this.full, this.x.start, this.x.end).value(Number(dot.getAttribute("cx")));
      dot.setAttribute("cx", short(this.x.place(dot.valueAt)));
    }
  },

  redrawn(panel, line) {
    const { series, band, shape } = line.dataset;
    if (band === undefined) {
      const { xs, y } = panel.data.series[series];
      return path(this.places(panel, xs, y), shape);
    }
    const { xs, low, high } = panel.data.bands[band];
    const outline = [...this.places(panel, xs, low), ...this.places(panel, xs, high).reverse()];
    return path(outline.filter(([, y]) => !Number.isNaN(y)), "line") + "Z";
  },

  redrawTicks(range) {
    const axis = this.svg.querySelector(".x-axis");
    this.ticks ??= [...axis.querySelectorAll(".tick")];
    axis.querySelectorAll(".tick").forEach((tick) => tick.remove());
    if (!range) return axis.append(...this.ticks);
    const model = this.ticks.find((tick) => tick.querySelector("text"));
    if (!model) return;
    const { start, end, from, to } = this.x;
    const factor = timeFactor(this.full[1] - this.full[0]);
    for (const [at, words] of ticks(from, to, factor, (end - start) / TICK_ROOM)) {
      const tick = model.cloneNode(true);
      tick.setAttribute("transform", `translate(${short(this.x.place(at))} 0)`);
      const text = tick.querySelector("text");
      text.setAttribute("x", 0);
      text.textContent = words;
      axis.append(tick);
    }
  },

  redrawPhases() {
    for (const phase of this.svg.querySelectorAll(".phase")) {
      const inside = (value) => Math.min(this.x.end, Math.max(this.x.start, this.x.place(Number(value))));
      const [left, right] = [inside(phase.dataset.from), inside(phase.dataset.to)];
      const rect = phase.querySelector("rect");
      rect.setAttribute("x", short(left));
      rect.setAttribute("width", short(Math.max(0, right - left)));
      const name = phase.querySelector("text");
      if (!name) continue;
      name.setAttribute("x", short((left + right) / 2));
      // About as wide as its letters are.
      name.style.display = right - left >= name.textContent.length * 7 + 8 ? "" : "none";
    }
  },

  redrawMarks() {
    for (const mark of this.svg.querySelectorAll(".mark")) {
      const at = Number(mark.dataset.at);
      mark.setAttribute("transform", `translate(${short(this.x.place(at))} 0)`);
      mark.style.display = at >= this.x.from && at <= this.x.to ? "" : "none";
    }
  },
});
