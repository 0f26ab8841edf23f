// What pointers and keys do: move the crosshair, which all charts over time share, and zoom them.

// Narrower than this share of the whole cannot be asked for.
const NARROWEST = 1 / 2000;

// A drag shorter than this, in CSS pixels, is a click.
const DRAG_MIN = 5;

class Desk {
  constructor(charts, announce) {
    this.charts = charts;
    this.overTime = charts.filter((chart) => chart.overTime);
    const ends = this.overTime.map((chart) => chart.drawings[0].full);
    this.full = [Math.min(...ends.map(([from]) => from)), Math.max(...ends.map(([, to]) => to))];
    this.range = null;
    this.announce = announce;
    for (const chart of charts) this.listen(chart);
    this.makeBar();
  }

  together(chart) {
    return chart.overTime ? this.overTime : [chart];
  }

  point(chart, x) {
    this.wanted = { chart, x };
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const { chart, x } = this.wanted;
      for (const other of this.charts) if (other.at !== undefined && !this.together(chart).includes(other)) other.hide();
      for (const other of this.together(chart)) other.show(x);
    });
  }

  leave() {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    for (const chart of this.charts) if (chart.at !== undefined) chart.hide();
  }

  listen(chart) {
    const { canvas } = chart;
    canvas.classList.add("live");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "chart");
    canvas.setAttribute("aria-label", chart.question);
    canvas.setAttribute("aria-describedby", "keys");
    const on = (type, act) => canvas.addEventListener(type, act);
    on("pointerdown", (event) => this.press(chart, event));
    on("pointermove", (event) => this.move(chart, event));
    on("pointerup", (event) => this.release(chart, event));
    on("pointercancel", () => this.drop());
    // A finger that is lifted leaves what it has found.
    on("pointerleave", (event) => event.pointerType === "touch" || this.drag || this.leave());
    on("dblclick", () => chart.overTime && this.zoom(null));
    on("keydown", (event) => this.key(chart, event));
    on("blur", () => this.leave());
  }

  press(chart, event) {
    if (event.button !== 0 || !chart.drawing.isInside(event)) return;
    const x = chart.drawing.under(event);
    // A finger reads, and has no zoom: its drag follows the line, or scrolls the page.
    if (chart.overTime && event.pointerType !== "touch") {
      this.drag = { chart, x, clientX: event.clientX };
      chart.canvas.setPointerCapture(event.pointerId);
    }
    this.point(chart, x);
  }

  move(chart, event) {
    if (!this.drag && !chart.drawing.isInside(event)) return this.leave();
    const x = chart.drawing.under(event);
    if (this.drag) this.select(this.drag.x, x);
    this.point(chart, x);
  }

  release(chart, event) {
    if (!this.drag) return;
    const { x, clientX } = this.drag;
    this.drop();
    if (Math.abs(event.clientX - clientX) >= DRAG_MIN) this.zoom([x, chart.drawing.under(event)]);
  }

  drop() {
    this.drag = undefined;
    for (const chart of this.overTime) chart.drawing.select();
  }

  select(one, other) {
    for (const chart of this.overTime) chart.drawing.select(Math.min(one, other), Math.max(one, other));
  }

  // Shows a range of time in all charts over time; null: all of it.
  zoom(wanted) {
    this.range = wanted && this.bounded(wanted);
    for (const chart of this.overTime) chart.zoom(this.range);
    this.showBar();
  }

  bounded([one, other]) {
    const [low, high] = this.full;
    const least = (high - low) * NARROWEST;
    const size = Math.min(high - low, Math.max(least, Math.abs(other - one)));
    const from = Math.min(high - size, Math.max(low, Math.min(one, other)));
    return size >= high - low ? null : [from, from + size];
  }

  // Larger by a factor around the crosshair, or around the middle.
  magnify(factor, around) {
    const [from, to] = this.range ?? this.full;
    const centre = around >= from && around <= to ? around : (from + to) / 2;
    this.zoom([centre - (centre - from) / factor, centre + (to - centre) / factor]);
  }

  key(chart, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zooms = { "+": 2, "=": 2, "-": 0.5, "_": 0.5 };
    if (event.key in zooms && chart.overTime) this.magnify(zooms[event.key], chart.at);
    else if (event.key === "0" && chart.overTime) this.zoom(null);
    else if (event.key === "Escape") this.escape();
    else if (!this.step(chart, event)) return;
    event.preventDefault();
  }

  // Esc takes back one thing at a time: a drag, the crosshair, the zoom.
  escape() {
    if (this.drag) this.drop();
    else if (this.range) this.zoom(null);
    else this.leave();
  }

  step(chart, event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return false;
    const stops = chart.stops();
    if (!stops.length) return true;
    const fast = event.shiftKey ? Math.max(2, Math.round(stops.length / 20)) : 1;
    // The first key finds the crosshair in the middle.
    const here = chart.at ?? stops[stops.length >> 1];
    const at = lastAtOrBelow(stops, here);
    const between = at >= 0 && stops[at] < here && steps[event.key] < 0 ? 1 : 0;
    const to = chart.at === undefined && Number.isFinite(steps[event.key]) ? at : at + between + steps[event.key] * fast;
    const x = stops[Math.min(stops.length - 1, Math.max(0, to))];
    for (const other of this.together(chart)) other.show(x);
    this.wanted = { chart, x };
    this.announce(() => chart.told());
    return true;
  }

  makeBar() {
    const bar = document.createElement("div");
    bar.className = "zoombar";
    bar.hidden = true;
    this.said = document.createElement("span");
    const button = (text, label, act) => {
      const element = document.createElement("button");
      Object.assign(element, { type: "button", textContent: text });
      element.setAttribute("aria-label", label);
      element.addEventListener("click", act);
      return element;
    };
    bar.append(
      this.said,
      button("−", "Zoom out", () => this.magnify(0.5)),
      button("+", "Zoom in", () => this.magnify(2)),
      button("Whole run", "Show the whole run again", () => this.zoom(null)),
    );
    document.body.append(bar);
    this.bar = bar;
  }

  showBar() {
    this.bar.hidden = !this.range;
    if (!this.range) return;
    const length = this.range[1] - this.range[0];
    const [from, to] = this.range.map((x) => position("seconds", "linear", x, length));
    this.said.textContent = `${from} to ${to}`;
  }
}
