// From values to places on an axis and back: linear, by the logarithm, and by that of 1 / (1 - quantile).

const QUANTILE_MAX = 1 - 1e-9;

const SCALES = {
  linear: { even: (value) => value, value: (even) => even },
  log: { even: (value) => Math.log10(value), value: (even) => 10 ** even },
  percentile: {
    even: (value) => -Math.log10(1 - Math.min(value, QUANTILE_MAX)),
    value: (even) => 1 - 10 ** -even,
  },
};

// A range of values [from, to] laid out between two places [start, end].
class Scale {
  constructor(kind, from, to, start, end) {
    this.rule = SCALES[kind] ?? SCALES.linear;
    Object.assign(this, { from, to, start, end });
  }

  place(value) {
    const low = this.rule.even(this.from);
    const share = (this.rule.even(value) - low) / (this.rule.even(this.to) - low);
    return this.start + share * (this.end - this.start);
  }

  value(place) {
    const low = this.rule.even(this.from);
    const share = (place - this.start) / (this.end - this.start);
    return this.rule.value(low + share * (this.rule.even(this.to) - low));
  }
}

// Where in a sorted list the last value at or below `x` stands; -1 when none does.
function lastAtOrBelow(list, x) {
  let [low, high] = [-1, list.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= x) low = middle;
    else high = middle;
  }
  return low;
}

// What a time axis counts in: the same bounds as the drawing's.
function timeFactor(length) {
  if (length > 3 * 3600) return 3600;
  if (length > 3 * 60) return 60;
  return length >= 1 || length <= 0 ? 1 : 1e-3;
}

// A place on the x axis in words.
function position(unit, kind, x, length) {
  if (kind === "percentile") {
    const nines = Math.min(9, Math.max(0, Math.ceil(-Math.log10(1 - Math.min(x, QUANTILE_MAX))) - 1));
    return trimmed((x * 100).toFixed(Math.max(1, nines))) + " %";
  }
  if (unit !== "seconds") return written(unit, x);
  if (x < 1 || kind === "log") return written(unit, x);
  const decimals = length < 30 ? 2 : length < 600 ? 1 : 0;
  if (x < 60) return x.toFixed(decimals) + " s";
  const whole = Number(x.toFixed(decimals));
  const parts = [whole >= 3600 ? Math.floor(whole / 3600) : null, Math.floor(whole / 60) % 60].filter((part) => part !== null);
  const text = parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
  return text + ":" + (whole % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
}
