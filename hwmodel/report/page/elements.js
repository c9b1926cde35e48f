// Numbers for people, and elements without any HTML in strings: names in the data are
// only ever shown as text.

const PREFIXES = ["f", "p", "n", "µ", "m", "", "k", "M", "G"];

function quantity(value, unit) {
  if (value === null || value === undefined) return "unknown";
  if (value === 0) return `0 ${unit}`;
  const rounded = Number(value.toPrecision(4));
  const power = Math.floor(Math.log10(Math.abs(rounded)) / 3 + 1e-12);
  const place = Math.min(Math.max(power + 5, 0), PREFIXES.length - 1);
  const number = Number((rounded / 1000 ** (place - 5)).toPrecision(4));
  return `${number} ${PREFIXES[place]}${unit}`;
}

function count(value) {
  const digits = Math.abs(value) >= 1000 || Number.isInteger(value) ? 0 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function share(part, whole) {
  if (!(whole > 0)) return "–";
  const percent = (100 * part) / whole;
  return part > 0 && percent < 0.05 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
}

function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function pairs(list, entries) {
  list.replaceChildren(
    ...entries.flatMap(([term, text]) => [
      element("dt", {}, term),
      element("dd", {}, text),
    ]),
  );
  return list;
}

// The darker or brighter ink, whichever is easier to read on a colour "#rrggbb".
function inkOn(colour) {
  const linear = [1, 3, 5].map((i) => {
    const part = parseInt(colour.slice(i, i + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return light > 0.179 ? "#000000" : "#ffffff"; // contrasts to both are equal at 0.179
}

const byId = (id) => document.getElementById(id);
