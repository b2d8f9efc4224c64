// Functions of the standard that feelin lacks, or answers otherwise than DMN 1.3 says.
import { Words, added, builtins, cmp, divided, equals, fn, getType, invalidArguments, isAmong, isNil } from "feelin";
import { isRange, kind, listFn, multiplied, rounded } from "feelin";

const ORDERED = new Set(["number", "string", "date", "time", "date time", "duration"]);
const LARGEST_SCALE = 6176;

function called(parameters, implementation) {
  implementation.$args = parameters;
  return implementation;
}

// Of lists of anything that has an order, not only of numbers.
function extreme(side) {
  return listFn(
    (...list) => {
      if (list.length === 0 || list.some(isNil)) return null;
      const odd = list.find((each) => !ORDERED.has(getType(each)));
      if (odd !== undefined) throw new Words(`There is no order of ${kind(odd)}.`);
      return list.reduce((found, each) => (cmp(each, found) === side ? each : found));
    },
    "any?",
    ["...list"],
  );
}

function ofNumbers(implementation) {
  return listFn((...list) => (list.length === 0 ? null : implementation(list)), "number", ["...list"]);
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : divided(added(sorted[middle - 1], sorted[middle]), 2);
}

function mode(list) {
  const times = new Map();
  for (const each of list) times.set(each, (times.get(each) || 0) + 1);
  const most = Math.max(...times.values());
  return [...times.keys()].filter((each) => times.get(each) === most).sort((a, b) => a - b);
}

const sum = (list) => list.reduce(added);

// How much is left over at the last digit that is kept, and whether that makes one more of it.
const ROUNDINGS = {
  decimal: ({ kept, twice, whole }) => twice > whole || (twice === whole && kept % 2n === 1n),
  floor: ({ twice, negative }) => negative && twice > 0n,
  ceiling: ({ twice, negative }) => !negative && twice > 0n,
  "round up": ({ twice }) => twice > 0n,
  "round down": () => false,
  "round half up": ({ twice, whole }) => twice >= whole,
  "round half down": ({ twice, whole }) => twice > whole,
};

function atScale(n, scale, goesUp) {
  const [digits, exponent] = Math.abs(n).toExponential().split("e");
  const [before, after = ""] = digits.split(".");
  const left = -Math.trunc(scale) - (Number(exponent) - after.length);
  if (left <= 0) return n;
  const whole = 10n ** BigInt(left);
  const all = BigInt(before + after);
  const kept = all / whole;
  const more = goesUp({ kept, whole, twice: (all % whole) * 2n, negative: n < 0 });
  const found = Number(`${kept + (more ? 1n : 0n)}e${-Math.trunc(scale)}`);
  return n < 0 && found !== 0 ? -found : found;
}

function rounding(name) {
  const optional = name === "floor" || name === "ceiling";
  return fn(
    (n, scale = 0) => {
      if (isNil(n) || isNil(scale)) return null;
      if (Math.abs(scale) > LARGEST_SCALE) return invalidArguments(`${name}(n, scale) has no such scale`);
      return atScale(n, scale, ROUNDINGS[name]);
    },
    ["number", optional ? "number?" : "number"],
    ["n", "scale"],
  );
}

function modulo(dividend, divisor) {
  if (divisor === 0) return invalidArguments("modulo(dividend, divisor) has no divisor 0");
  return added(dividend, -multiplied(divisor, Math.floor(divided(dividend, divisor))));
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function number(from, grouping, decimal) {
  const plain = grouping ? from.replaceAll(grouping, "") : from;
  const text = decimal && decimal !== "." ? plain.replaceAll(".", "#").replaceAll(decimal, ".") : plain;
  if (!NUMBER.test(text) || (grouping && grouping === decimal)) return invalidArguments("number(from) is no number");
  return Number(text);
}

function substring(string, start, length) {
  const symbols = Array.from(string);
  const from = Math.trunc(start);
  if (from === 0) return invalidArguments("substring(string, start position) begins to count with 1");
  if (from < -symbols.length) return null;
  const first = from < 0 ? symbols.length + from : from - 1;
  return symbols.slice(first, isNil(length) ? undefined : first + Math.max(0, Math.trunc(length))).join("");
}

// Lists have places from 1, and from -1 backwards.
function placed(name, beyond = 0) {
  const inner = builtins[name];
  return called(inner.$args, (list, position, ...rest) => {
    if (!Array.isArray(list) || getType(position) !== "number") return inner(list, position, ...rest);
    const most = list.length + (position > 0 ? beyond : 0);
    if (!Number.isInteger(position) || position === 0 || Math.abs(position) > most) {
      return invalidArguments(`${name}(list, position) has no such position`);
    }
    return inner(list, position < 0 ? list.length + position + 1 : position, ...rest);
  });
}

// What ends nowhere is before or after everything: `side` says on which side each of the two lies then.
function order(a, b, sideOfA, sideOfB) {
  const [x, y] = [isNil(a) ? sideOfA : 0, isNil(b) ? sideOfB : 0];
  return x || y ? Math.sign(x - y) : cmp(a, b);
}

const starts = (a, b) => order(a.start, b.start, -1, -1);
const ends = (a, b) => order(a.end, b.end, 1, 1);
const endToStart = (a, b) => order(a.end, b.start, 1, -1);
const isClosed = (range, side) => range[`${side} included`] === true;

function asRange(value) {
  if (isRange(value)) return value;
  return { start: value, end: value, "start included": true, "end included": true };
}

function before(one, other) {
  const [a, b] = [asRange(one), asRange(other)];
  const gap = endToStart(a, b);
  return gap < 0 || (gap === 0 && !(isClosed(a, "end") && isClosed(b, "start")));
}

function meets(a, b) {
  return endToStart(a, b) === 0 && isClosed(a, "end") && isClosed(b, "start");
}

const startsFirst = (a, b) => starts(a, b) < 0 || (starts(a, b) === 0 && isClosed(a, "start") && !isClosed(b, "start"));
const startsWithin = (a, b) => starts(a, b) > 0 || (starts(a, b) === 0 && (!isClosed(a, "start") || isClosed(b, "start")));
const endsWithin = (a, b) => ends(a, b) < 0 || (ends(a, b) === 0 && (!isClosed(a, "end") || isClosed(b, "end")));
const startTogether = (a, b) => starts(a, b) === 0 && isClosed(a, "start") === isClosed(b, "start");
const endTogether = (a, b) => ends(a, b) === 0 && isClosed(a, "end") === isClosed(b, "end");
const overlaps = (a, b) => !before(a, b) && !before(b, a);
const overlapsBefore = (a, b) => startsFirst(a, b) && overlaps(a, b) && endsWithin(a, b);

// A point against a range, or two ranges.
function finishing(one, other) {
  const [a, b] = [asRange(one), asRange(other)];
  return endTogether(a, b) && startsWithin(a, b);
}

function starting(one, other) {
  const [a, b] = [asRange(one), asRange(other)];
  return startTogether(a, b) && endsWithin(a, b);
}

function includes(one, other) {
  const [a, b] = [asRange(one), asRange(other)];
  return startsWithin(b, a) && endsWithin(b, a);
}

function coincides(one, other) {
  const [a, b] = [asRange(one), asRange(other)];
  return startTogether(a, b) && endTogether(a, b);
}

function ofTwo(implementation, first, second, parameters) {
  return fn((a, b) => (isNil(a) || isNil(b) ? null : implementation(a, b)), [first, second], parameters);
}

// Of nothing there is no date; what nobody has answered yet is no mistake.
function ofSomething(name) {
  const inner = builtins[name];
  return called(inner.$args, (...given) => (given.length && given.every(isNil) ? null : inner(...given)));
}

const turned = (implementation) => (a, b) => implementation(b, a);
const RANGES = ["range1", "range2"];

Object.assign(builtins, {
  ...Object.fromEntries(Object.keys(ROUNDINGS).map((name) => [name, rounding(name)])),
  min: extreme(-1),
  max: extreme(1),
  sum: ofNumbers(sum),
  mean: ofNumbers((list) => divided(sum(list), list.length)),
  median: ofNumbers(median),
  product: ofNumbers((list) => list.reduce(multiplied)),
  mode: listFn((...list) => (list.length ? mode(list) : []), "number", ["...list"]),
  exp: fn((n) => rounded(Math.exp(n)), ["number"], ["number"]),
  modulo: fn(modulo, ["number", "number"], ["dividend", "divisor"]),
  number: fn(number, ["string", "string?", "string?"], ["from", "grouping separator", "decimal separator"]),
  not: called(["negand"], (value) => {
    if (isNil(value)) return null;
    if (typeof value !== "boolean") throw new Words(`Negates ${kind(value)}, not yes or no.`);
    return !value;
  }),
  date: ofSomething("date"),
  time: ofSomething("time"),
  "date and time": ofSomething("date and time"),
  substring: fn(substring, ["string", "number", "number?"], ["string", "start position", "length"]),
  "list contains": fn(isAmongEach, ["list", "any?"], ["list", "element"]),
  "index of": fn(
    (list, match) => list.flatMap((each, at) => (isAmongEach([each], match) ? [at + 1] : [])),
    ["list", "any?"],
    ["list", "match"],
  ),
  sublist: placed("sublist"),
  remove: placed("remove"),
  "insert before": placed("insert before", 1),
  "list replace": placed("list replace"),
  before: ofTwo(before, "any", "any", ["a", "b"]),
  after: ofTwo(turned(before), "any", "any", ["a", "b"]),
  meets: ofTwo(meets, "range", "range", RANGES),
  "met by": ofTwo(turned(meets), "range", "range", RANGES),
  overlaps: ofTwo(overlaps, "range", "range", RANGES),
  "overlaps before": ofTwo(overlapsBefore, "range", "range", RANGES),
  "overlaps after": ofTwo(turned(overlapsBefore), "range", "range", RANGES),
  finishes: ofTwo(finishing, "any", "range", ["a", "range"]),
  "finished by": ofTwo(turned(finishing), "range", "any", ["range", "a"]),
  includes: ofTwo(includes, "range", "any", ["range", "value"]),
  during: ofTwo(turned(includes), "any", "range", ["a", "range"]),
  starts: ofTwo(starting, "any", "range", ["a", "range"]),
  "started by": ofTwo(turned(starting), "range", "any", ["range", "a"]),
  coincides: ofTwo(coincides, "any", "any", ["a", "b"]),
});

for (const [name, each] of Object.entries(builtins)) each.$name = name;

function isAmongEach(list, wanted) {
  return list.some((each) => (isNil(each) || isNil(wanted) ? isNil(each) && isNil(wanted) : equals(each, wanted) === true));
}
