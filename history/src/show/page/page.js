"use strict";
// Hints under the pointer or the arrow keys: the nearest commit, and the range it is in.
for (const svg of document.querySelectorAll("figure svg.chart")) {
  const figure = svg.closest("figure");
  const said = new Map();
  for (const of of svg.querySelectorAll(".dot, .phase")) {
    const title = of.querySelector("title");
    if (!title) continue;
    said.set(of, title.textContent);
    title.remove();
  }
  const dots = [...svg.querySelectorAll("circle.dot")].filter((dot) => said.has(dot));
  const phases = [...svg.querySelectorAll(".phase")].filter((phase) => said.has(phase));
  if (!dots.length) continue;
  let hint = null, on = -1;
  const hide = () => {
    if (hint) hint.remove();
    if (on >= 0) dots[on].classList.remove("on");
    hint = null; on = -1;
  };
  const show = (index) => {
    hide();
    on = index;
    const dot = dots[on];
    dot.classList.add("on");
    hint = document.createElement("div");
    hint.id = "hint";
    hint.setAttribute("role", "status");
    hint.textContent = said.get(dot);
    const box = dot.getBoundingClientRect(), frame = figure.getBoundingClientRect();
    for (const phase of phases) {
      const range = phase.getBoundingClientRect();
      const middle = box.x + box.width / 2;
      if (middle >= range.x - 1 && middle <= range.right + 1) {
        hint.append(document.createElement("br"), said.get(phase));
      }
    }
    figure.append(hint);
    const x = box.x + box.width / 2 - frame.x;
    const left = x + 14 + hint.offsetWidth > frame.width ? x - 14 - hint.offsetWidth : x + 14;
    hint.style.left = Math.max(4, left) + "px";
    hint.style.top = Math.max(4, box.y - frame.y - hint.offsetHeight - 8) + "px";
  };
  svg.addEventListener("pointermove", (event) => {
    let best = -1, distance = Infinity;
    dots.forEach((dot, index) => {
      const box = dot.getBoundingClientRect();
      const away = Math.abs(box.x + box.width / 2 - event.clientX);
      if (away < distance) { best = index; distance = away; }
    });
    if (best !== on) show(best);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -dots.length, End: dots.length }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    const from = on < 0 ? dots.length - 1 - step : on;
    show(Math.min(Math.max(from + step, 0), dots.length - 1));
  });
}
// Cards whose names have what is searched for.
const search = document.querySelector("input[type=search]");
if (search) {
  search.hidden = false;
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of document.querySelectorAll(".card")) {
      const name = card.dataset.name.toLowerCase();
      card.hidden = !words.every((word) => name.includes(word));
    }
    for (const group of document.querySelectorAll("section.group")) {
      group.hidden = !group.querySelector(".card:not([hidden])");
    }
  });
}
