// One SVG: where things stand in it, its crosshair, and its lines again when time is zoomed.

const SVG = "http://www.w3.org/2000/svg";

function made(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

const short = (number) => Number(number.toFixed(2));

class Drawing {
  constructor(svg, panels) {
    this.svg = svg;
    const of = (element, key) => Number(element.dataset[key]);
    const { width, height } = svg.viewBox.baseVal;
    this.size = { width, height };
    this.full = [of(svg, "from"), of(svg, "to")];
    this.kind = svg.dataset.x;
    this.x = new Scale(this.kind, ...this.full, of(svg, "left"), of(svg, "right"));
    this.panels = [...svg.querySelectorAll(".panel")].map((group) => ({
      group,
      data: panels[of(group, "panel")],
      top: of(group, "top"),
      bottom: of(group, "bottom"),
      y: new Scale(group.dataset.scale, of(group, "low"), of(group, "high"), of(group, "bottom"), of(group, "top")),
    }));
    // What lines were before they were redrawn.
    this.whole = new Map();
    this.drawCrosshair();
  }

  get top() {
    return this.panels[0].top;
  }

  get bottom() {
    return this.panels.at(-1).bottom;
  }

  isVisible() {
    return this.svg.getClientRects().length > 0;
  }

  // The value of x under a pointer, inside the range.
  under(event) {
    const box = this.svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * this.size.width;
    return this.x.value(Math.min(this.x.end, Math.max(this.x.start, place)));
  }

  isInside(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.size.width;
    const y = ((event.clientY - box.top) / box.height) * this.size.height;
    return x >= this.x.start - 8 && x <= this.x.end + 8 && y >= this.top - 8 && y <= this.bottom + 24;
  }

  drawCrosshair() {
    this.selection = made(this.svg, "rect", { class: "selection", y: this.top, height: this.bottom - this.top, width: 0 });
    this.crosshair = made(this.svg, "g", { class: "crosshair" });
    this.line = made(this.crosshair, "line", { y1: this.top, y2: this.bottom });
    this.dots = this.panels.map((panel) =>
      panel.data.series.map((series) => made(this.crosshair, "circle", { class: "h" + (series.hue % 8), r: 3.5 })),
    );
    this.hide();
  }

  // The crosshair at x, with a dot at each point that is read.
  show(x, readings) {
    const place = short(this.x.place(x));
    this.line.setAttribute("x1", place);
    this.line.setAttribute("x2", place);
    this.panels.forEach((panel, panelAt) =>
      panel.data.series.forEach((_, at) => {
        const dot = this.dots[panelAt][at];
        const reading = readings[panelAt][at];
        const y = reading ? panel.y.place(reading.y) : NaN;
        const seen = y >= panel.top - 1 && y <= panel.bottom + 1 && reading.x >= this.x.from && reading.x <= this.x.to;
        dot.style.display = seen ? "" : "none";
        if (!seen) return;
        dot.setAttribute("cx", short(this.x.place(reading.x)));
        dot.setAttribute("cy", short(y));
      }),
    );
    this.crosshair.style.display = "";
    return place / this.size.width;
  }

  hide() {
    this.crosshair.style.display = "none";
  }

  // Shades what a drag would zoom to; nothing without arguments.
  select(from, to) {
    const shaded = from !== undefined;
    this.selection.style.display = shaded ? "" : "none";
    if (!shaded) return;
    const [left, right] = [from, to].map((x) => short(this.x.place(x)));
    this.selection.setAttribute("x", left);
    this.selection.setAttribute("width", Math.max(0, right - left));
  }

  // Shows another range of x, or the whole again.
  zoom(range) {
    const [from, to] = range ?? this.full;
    if (from === this.x.from && to === this.x.to) return;
    Object.assign(this.x, { from, to });
    for (const panel of this.panels) this.redrawLines(panel, range);
    this.redrawTicks(range);
    this.redrawPhases();
    this.redrawMarks();
  }
}
