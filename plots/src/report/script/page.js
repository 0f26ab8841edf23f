// The page: charts made ready, the theme's button, what is read aloud, and printing.

// Remembered where the browser allows it, which it may not for a file.
const memory = {
  get theme() {
    try {
      return localStorage.getItem("floodmark.theme");
    } catch {
      return null;
    }
  },
  set theme(theme) {
    try {
      if (theme) localStorage.setItem("floodmark.theme", theme);
      else localStorage.removeItem("floodmark.theme");
    } catch {
      // The choice holds until the page is closed.
    }
  },
};

function makeThemeButton() {
  const themes = ["auto", "light", "dark"];
  const button = document.createElement("button");
  button.type = "button";
  button.className = "theme";
  const wear = (theme) => {
    button.textContent = `Theme: ${theme}`;
    button.dataset.theme = theme;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  wear(themes.includes(memory.theme) ? memory.theme : "auto");
  button.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(button.dataset.theme) + 1) % themes.length];
    wear(theme);
    memory.theme = theme === "auto" ? null : theme;
  });
  document.querySelector("header").prepend(button);
}

// A sentence for screen readers, said when the keys have come to rest.
function makeAnnouncer() {
  const region = document.createElement("p");
  region.className = "aloud";
  region.setAttribute("aria-live", "polite");
  document.body.append(region);
  let timer;
  return (sentence) => {
    clearTimeout(timer);
    timer = setTimeout(() => (region.textContent = sentence()), 150);
  };
}

function makeHelp() {
  const help = document.createElement("p");
  help.id = "keys";
  help.className = "help";
  const parts = [
    "Point at a chart to read its values. Drag to zoom all charts over time; double-click for the whole run. With a chart in focus: ",
    ["←", "→"], " move the crosshair, ", ["Shift"], " faster, ", ["Home", "End"], " to the ends; ", ["+", "−", "0"], " zoom; ", ["Esc"], " back.",
  ];
  for (const part of parts) {
    if (typeof part === "string") {
      help.append(part);
      continue;
    }
    part.forEach((key, at) => {
      if (at) help.append(" ");
      const element = document.createElement("kbd");
      element.textContent = key;
      help.append(element);
    });
  }
  return help;
}

// Paper cannot be unfolded.
function unfoldForPrint() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
}

makeThemeButton();
unfoldForPrint();
const data = JSON.parse(document.getElementById("data").textContent);
const charts = [...document.querySelectorAll(".drawing")]
  .filter((section) => section.dataset.chart in data.charts)
  .map((section) => new Chart(section, data.charts[section.dataset.chart], data.xs));
if (charts.length) {
  document.querySelector("nav").after(makeHelp());
  new Desk(charts, makeAnnouncer());
}
