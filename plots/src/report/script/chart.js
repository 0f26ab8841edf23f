// A chart: its two drawings, of which one is visible, its values, and the cards that show them beside the crosshair.

class Chart {
  constructor(section, data, xs) {
    this.section = section;
    this.canvas = section.querySelector(".canvas");
    this.question = data.question;
    this.panels = data.panels;
    for (const panel of this.panels) {
      for (const series of panel.series) series.xs = xs[series.x];
      for (const band of panel.bands) band.xs = xs[band.x];
    }
    this.drawings = [...this.canvas.querySelectorAll("svg.chart")].map((svg) => new Drawing(svg, this.panels));
    const { x, xUnit } = this.drawings[0].svg.dataset;
    this.kind = x;
    this.unit = xUnit;
    // All charts over time are read, and zoomed, together.
    this.overTime = x === "linear" && xUnit === "seconds";
    this.makeCards();
    this.pick();
    new ResizeObserver(() => this.pick()).observe(this.canvas);
  }

  // The drawing that the window's width has chosen.
  pick() {
    for (const drawing of this.drawings) drawing.hide();
    this.drawing = this.drawings.find((drawing) => drawing.isVisible()) ?? this.drawings[0];
    const { size, panels } = this.drawing;
    this.cards.forEach((card, at) => (card.root.style.top = ((panels[at].top + 4) / size.height) * 100 + "%"));
    if (this.at !== undefined) this.show(this.at);
  }

  makeCards() {
    this.cards = this.panels.map((panel, panelAt) => {
      const root = document.createElement("div");
      root.className = "card";
      root.hidden = true;
      root.dataset.panel = panelAt;
      const head = document.createElement("p");
      if (panelAt === 0) root.append(head);
      const values = panel.series.map((series) => {
        const line = document.createElement("p");
        const key = document.createElement("i");
        key.className = `key h${series.hue % 8} ${series.dash}`;
        const name = document.createElement("span");
        name.textContent = series.name;
        const value = document.createElement("b");
        line.append(key, name, value);
        root.append(line);
        return { line, value };
      });
      this.canvas.append(root);
      return { root, head, values };
    });
  }

  // What each line says at x: its nearest point, or x itself where the line is level; nothing where it has a gap or has
  // not begun.
  read(x) {
    const [from, to] = this.drawing.full;
    const slack = (to - from) / 100;
    return this.panels.map((panel) =>
      panel.series.map(({ xs, y, shape }) => {
        let at = lastAtOrBelow(xs, x);
        const next = at + 1 < xs.length && (at < 0 || xs[at + 1] - x < x - xs[at]);
        if (next && (at < 0 || shape !== "steps")) at++;
        if (at < 0 || y[at] === null) return null;
        if (x < xs[0] - slack || x > xs.at(-1) + slack) return null;
        const level = shape === "steps" || y[at + Math.sign(x - xs[at])] === y[at];
        return { x: level && x > xs[0] && x < xs.at(-1) ? x : xs[at], y: y[at] };
      }),
    );
  }

  show(x) {
    this.at = x;
    const [from, to] = [this.drawing.x.from, this.drawing.x.to];
    if (!(x >= from && x <= to)) return this.hide();
    const readings = this.read(x);
    const share = this.drawing.show(x, readings);
    this.place = position(this.unit, this.kind, x, to - from);
    this.cards.forEach(({ root, head, values }, panelAt) => {
      const unit = this.panels[panelAt].unit;
      head.textContent = this.place;
      values.forEach(({ line, value }, at) => {
        const reading = readings[panelAt][at];
        line.hidden = !reading;
        value.textContent = reading ? written(unit, reading.y) : "";
      });
      root.hidden = panelAt > 0 && readings[panelAt].every((reading) => !reading);
      root.classList.toggle("before", share > 0.5);
      root.style.left = share * 100 + "%";
    });
  }

  hide() {
    this.at = undefined;
    this.drawing.hide();
    for (const { root } of this.cards) root.hidden = true;
  }

  // What the cards show, as a sentence.
  told() {
    const lines = this.cards.flatMap(({ values }) => values.filter(({ line }) => !line.hidden).map(({ line }) => line));
    const values = lines.map((line) => line.querySelector("span").textContent + " " + line.querySelector("b").textContent);
    return this.place + ": " + (values.join(", ") || "nothing measured");
  }

  // Where the crosshair may stop when it is moved by keys: at every point, but not more than 400 in the window.
  stops() {
    const { from, to } = this.drawing.x;
    this.every ??= [...new Set(this.panels.flatMap((panel) => panel.series.flatMap((series) => series.xs)))].sort((a, b) => a - b);
    const { start, end } = this.drawing.x;
    let last = -Infinity;
    return this.every.filter((x) => {
      if (x < from || x > to) return false;
      const place = this.drawing.x.place(x);
      if (place - last < (end - start) / 400) return false;
      last = place;
      return true;
    });
  }

  zoom(range) {
    for (const drawing of this.drawings) drawing.zoom(range);
    if (this.at !== undefined) this.show(this.at);
  }
}
