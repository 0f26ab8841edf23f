// How a value is written: the same as Unit::write in plots/src/unit.rs, which a test compares.

const BYTE_NAMES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const BYTES = BYTE_NAMES.map((name, power) => [1024 ** power, name]);
const SI = [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"]];
const DURATIONS = [[1e-9, "ns"], [1e-6, "µs"], [1e-3, "ms"], [1, "s"]];
const PLAIN_MAX = 10000;

// Rust rounds a tie to even, toFixed away from zero. A tie is exact in binary, or it is none.
function fixed(size, decimals) {
  const shifted = size * 10 ** decimals;
  const tie = (size * 2 ** (decimals + 1)) % 1 === 0 && shifted % 1 === 0.5;
  return (tie ? (2 * Math.round(shifted / 2)) / 10 ** decimals : size).toFixed(decimals);
}

function grouped(value, decimals) {
  const text = fixed(Math.abs(value), decimals);
  const [whole, fraction] = text.split(".");
  const sign = value < 0 && /[1-9]/.test(text) ? "−" : "";
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return sign + groups + (fraction === undefined ? "" : "." + fraction);
}

function trimmed(number) {
  return number.includes(".") ? number.replace(/0+$/, "").replace(/\.$/, "") : number;
}

function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e7) {
    const [mantissa, power] = value.toExponential(2).split("e");
    return (trimmed(mantissa) + "e" + Number(power)).replaceAll("-", "−");
  }
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size * 1.0005))));
  return grouped(value, decimals);
}

function scaled(value, prefixes) {
  const size = Math.abs(value);
  const [factor, name] = prefixes.findLast(([factor]) => size / factor >= 0.9995) ?? prefixes[0];
  return [digits(value / factor), name];
}

function prefixed(value, prefixes, zero) {
  if (value === 0) return "0 " + zero;
  const [number, name] = scaled(value, prefixes);
  return (name === "B" && value % 1 === 0 ? grouped(value, 0) : number) + " " + name;
}

function si(value, unit) {
  if (Math.abs(value) < PLAIN_MAX) {
    const whole = value % 1 === 0 || Math.abs(value) >= 1000;
    return (whole ? grouped(value, 0) : digits(value)) + unit;
  }
  const [number, name] = scaled(value, SI);
  return number + " " + name + unit;
}

function seconds(value) {
  const size = Math.abs(value);
  if (size >= 7200) return digits(value / 3600) + " h";
  if (size >= 600) return digits(value / 60) + " min";
  return prefixed(value, DURATIONS, "s");
}

const WRITERS = {
  count: (value) => si(value, ""),
  per_second: (value) => si(value, "/s"),
  bytes: (value) => prefixed(value, BYTES, "B"),
  bytes_per_second: (value) => prefixed(value, BYTES, "B") + "/s",
  seconds,
  ratio: (value) => trimmed(digits(value * 100)) + " %",
  cores: (value) => trimmed(digits(value)) + " cores",
};

function written(unit, value) {
  return Number.isFinite(value) ? (WRITERS[unit] ?? WRITERS.count)(value) : "–";
}
