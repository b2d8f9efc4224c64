// What we need of feelin that it does not do: keep a parsed expression, and never let a wrong comparison pass silently.
// FEEL answers null when a text is compared with a date, and a condition then reads as "no". In a case about a person's
// rights that is the worst kind of mistake, so here it is an error with words. Every patch must match exactly once, or
// the build stops.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const PATCHES = [
  {
    why: "ordering values of different kinds is an author's mistake",
    find: ["function cmp(a, b) {"],
    put: ["function cmp(a, b) {", "    sameKind(a, b);"],
  },
  {
    why: "a date and time is not ordered against a date; say so",
    find: ["        valueType !== range.valueType) {", "        return null;"],
    put: [
      "        valueType !== range.valueType) {",
      "        sameKind(value, range.start === null ? range.end : range.start);",
    ],
  },
  {
    why: "a text never equals a date; say so",
    find: ["    if (TEMPORAL_TYPES$1.has(aType)) {"],
    put: ["    if (temporalAgainstText(aType, bType)) sameKind(a, b);", "    if (TEMPORAL_TYPES$1.has(aType)) {"],
  },
  {
    why: "the time between two instants in different zones is not the difference of their wall clocks",
    find: ["    const left = toPlainDateTime(a);"],
    put: [
      "    if (areInstants(a, b)) return passed(a, b);",
      "    sameKind(a, b);",
      "    const left = toPlainDateTime(a);",
    ],
  },
  {
    why: "72 hours are 72 hours, also in the night when the clocks change: they do not turn into three days",
    find: ["    return d.round({ largestUnit: 'day', relativeTo: REFERENCE_DATE });", "}"],
    put: ["    return d.round({ largestUnit: d.days || d.weeks ? 'day' : 'hour', relativeTo: REFERENCE_DATE });", "}"],
  },
  {
    why: "but 72 hours after a date is a date",
    find: ["        if (hasTimeComponent(dur)) {"],
    put: [
      "        if (isWholeDays(dur)) return laterDate(temporal, dur, sign);",
      "        if (hasTimeComponent(dur)) {",
    ],
  },
  {
    why: "the days of a duration are told as FEEL has it",
    find: ["    get days() { return this.yearsMonths ? null : this.value.days; }"],
    put: ["    get days() { return this.yearsMonths ? null : balanced(this.value).days; }"],
  },
  {
    why: "and its hours",
    find: ["    get hours() { return this.yearsMonths ? null : this.value.hours; }"],
    put: ["    get hours() { return this.yearsMonths ? null : balanced(this.value).hours; }"],
  },
  {
    why: "the second of the hour that comes twice in autumn is only told by its offset",
    find: ["    return new FeelDateTime(shifted.toPlainDateTime(), temporal.zone);"],
    put: ["    return zoned(shifted);"],
  },
  {
    why: "a type is one of FEEL's, never an object that JavaScript happens to have",
    find: ["            const check = NAMED_TYPE_CHECKS[descriptor.name];"],
    put: ["            const check = checkOfType(descriptor.name);"],
  },
  {
    why: "the negation of an unknown test is unknown, not a hit",
    find: [
      "                    }).some(v => v === true);",
      "                    return matches === null ? null : (negate ? !matches : matches);",
    ],
    put: [
      "                    });",
      "                    if (matches.includes(true)) return !negate;",
      "                    return negate ? (matches.includes(null) ? null : true) : false;",
    ],
  },
  {
    why: "and one asked within the other kind of duration, or a time with and without a zone",
    find: ["    if (aType === 'duration') {", "        return durationEquals(a, b);"],
    put: ["    if (aType === 'duration') {", "        sameKind(a, b);", "        return toComparable(a) === toComparable(b);"],
  },
  {
    why: "nothing is equal to nothing alone; an empty list is a list",
    find: ["    if (a === null && b !== null ||", "        a !== null && b === null) {"],
    put: ["    if (isNil(a) !== isNil(b)) {"],
  },
  {
    why: "one value is as good as a list of it, but no list is as good as nothing",
    find: ["    if (isArray(a) && a.length < 2) {", "        a = a[0];", "    }", "    if (isArray(b) && b.length < 2) {"],
    put: [
      "    if (isArray(a) && a.length === 1 && !isArray(b)) {",
      "        a = a[0];",
      "    }",
      "    else if (isArray(b) && b.length === 1 && !isArray(a)) {",
    ],
  },
  {
    why: "numbers are decimal",
    find: ["                    return a + b;"],
    put: ["                    return isNumber(a) ? added(a, b) : a + b;"],
  },
  {
    why: "a date is not added to a date",
    find: ["                    else if (isTemporal(a) && isTemporal(b)) {", "                        return null;"],
    put: [
      "                    else if (isTemporal(a) && isTemporal(b)) {",
      "                        invalidType('add', a, b);",
      "                        return null;",
    ],
  },
  {
    why: "and nothing but a duration is taken from a duration",
    find: ["                    return a - b;"],
    put: [
      "                    if (isDuration(a)) {",
      "                        invalidType('subtract', a, b);",
      "                        return null;",
      "                    }",
      "                    return added(a, -b);",
    ],
  },
  {
    why: "a number may have an exponent, and no more digits than can be kept",
    find: ["            const value = node.input.includes('.') ? parseFloat(node.input) : parseInt(node.input);"],
    put: ["            const value = writtenOut(node.input);"],
  },
  {
    why: "products are decimal",
    find: ["                case '*': return nullable((a, b) => a * b, 'multiply', ['number']);"],
    put: ["                case '*': return nullable(multiplied, 'multiply', ['number']);"],
  },
  {
    why: "quotients too",
    find: ["                case '/': return nullable((a, b) => !b ? null : a / b, 'divide', ['number']);"],
    put: ["                case '/': return nullable((a, b) => !b ? null : divided(a, b), 'divide', ['number']);"],
  },
  {
    why: "and powers",
    find: ["                case '^': return nullable((a, b) => Math.pow(a, b), 'exponentiate', ['number']);"],
    put: ["                case '^': return nullable((a, b) => rounded(Math.pow(a, b)), 'exponentiate', ['number']);"],
  },
  {
    why: "durations are multiplied and divided, but not as if they were numbers",
    find: ["                if (TEMPORAL_TYPES.has(leftType)) {"],
    put: [
      "                if (scales(opName, left, right)) return scaled(opName, left, right);",
      "                if (TEMPORAL_TYPES.has(leftType) && types.length > 1) {",
    ],
  },
  {
    why: "a duration has an opposite",
    find: ["                    return op(context)(() => 0, value);"],
    put: [
      "                    const operand = value(context);",
      "                    if (isDuration(operand)) return scaled('multiply', operand, -1);",
      "                    return op(context)(() => 0, () => operand);",
    ],
  },
  {
    why: "between 10 and 1 there is nothing",
    find: [
      "    if (start !== null && end !== null && cmp(start, end) > 0) {",
      "        [start, end] = [end, start];",
      "        [startIncluded, endIncluded] = [endIncluded, startIncluded];",
      "    }",
    ],
    put: [],
  },
  {
    why: "the time between two days in years and months has no days",
    find: ["    return new FeelDuration(from.value.until(to.value, { largestUnit: 'month' }), true);"],
    put: [
      "    const { years, months } = from.value.until(to.value, { largestUnit: 'year' });",
      "    return new FeelDuration(Temporal.Duration.from({ years, months }), true);",
    ],
  },
  {
    why: "the time between two times of the day in different zones is not that of their wall clocks",
    find: ["    if (isTime(a) && isTime(b)) {"],
    put: ["    if (isTime(a) && isTime(b)) {", "        sameKind(a, b);", "        if (isZoned(a)) return passed(a, b);"],
  },
  {
    why: "a filter that is a call, a name or a negation is asked of each element",
    find: ["            if (FILTER_INDEX_TYPES.has(type)) {"],
    put: [
      "            if (type !== 'number' && FILTER_INDEX_TYPES.has(type) && asksEach(filterFn, filterTarget, context)) {",
      "                return filtered(filterFn, filterTarget, context);",
      "            }",
      "            if (FILTER_INDEX_TYPES.has(type)) {",
    ],
  },
  {
    why: "a filter keeps false and null where they pass it",
    find: ["            if (type === 'test') {"],
    put: ["            if (type === 'test') {", "                return filtered(filterFn, filterTarget, context);"],
  },
  {
    why: "a range may end with 0",
    find: ["            return b ? createRange(a, b) : a;"],
    put: ["            if (!args[2]) return a;", "            return isNil(a) || isNil(b) ? null : createRange(a, b);"],
  },
  {
    why: "and is gone through in whole steps",
    find: ["    const direction = start > end ? -1 : 1;", "    const result = [];"],
    put: ["    checkWhole(start, end);", "    const direction = start > end ? -1 : 1;", "    const result = [];"],
  },
  {
    why: "one value is gone through as a list of it",
    find: ["        return target.map(t => ({ [prop]: t }));", "    }", "    return null;"],
    put: [
      "        return target.map(t => ({ [prop]: t }));",
      "    }",
      "    return isNil(target) ? null : [{ [prop]: target }];",
    ],
  },
  {
    why: "a text or a number is neither yes nor no",
    find: ["                if (isTruthy(ifCondition(context))) {"],
    put: ["                if (isYes(ifCondition(context))) {"],
  },
  {
    why: "nor for all",
    find: ["                return contexts.every(ctx => isTruthy(_condition(ctx)));"],
    put: ["                return contexts.every(ctx => isYes(_condition(ctx)));"],
  },
  {
    why: "nor for some",
    find: ["                return contexts.some(ctx => isTruthy(_condition(ctx)));"],
    put: ["                return contexts.some(ctx => isYes(_condition(ctx)));"],
  },
  {
    why: "a test by a list compares dates as dates",
    find: ["                            return test.includes(value);"],
    put: ["                            return isAmong(test, value);"],
  },
  {
    why: "a function that cannot take what it is given says so",
    find: ["        if (!convertedArgs) {", "            return null;"],
    put: ["        if (!convertedArgs) {", "            return refused(wrappedFn, args, argDefinitions);"],
  },
  {
    why: "one that takes a list, too",
    find: ["        if (!args.every(arg => tester(arg) !== FALSE)) {", "            return null;"],
    put: ["        if (!args.every(arg => tester(arg) !== FALSE)) {", "            return refused(wrappedFn, args, []);"],
  },
];

const ADDITION = `
export class Words extends Error {}

const KINDS = {
  boolean: "yes or no", number: "a number", string: "a text", list: "a list", context: "a context", date: "a date",
  time: "a time", "date time": "a date and time", duration: "a duration", range: "a range", function: "a function",
};

export function kind(value) {
  return typeof value === "function" ? KINDS.function : KINDS[getType(value)] || "nothing";
}

function temporalAgainstText(a, b) {
  const temporal = (type) => type === "duration" || TEMPORAL_TYPES$1.has(type);
  return (temporal(a) && b === "string") || (a === "string" && temporal(b));
}

function sameKind(a, b) {
  if (isNil(a) || isNil(b)) return;
  if (getType(a) !== getType(b)) {
    const hint = temporalAgainstText(getType(a), getType(b)) ? "; turn the text into a date with date(...)" : "";
    throw new Words("Compares " + kind(a) + " with " + kind(b) + hint + ".");
  }
  if (isZoned(a) !== isZoned(b)) {
    throw new Words("Compares " + kind(a) + " that has a time zone with one that has none.");
  }
  if (isDuration(a) && a.yearsMonths !== b.yearsMonths) {
    throw new Words("Compares a duration in years and months with one in days and hours.");
  }
}

function isYes(value) {
  if (isNil(value) || isBoolean(value)) return value === true;
  throw new Words("A condition comes to " + kind(value) + ", not to yes or no.");
}

function checkWhole(...ends) {
  if (!ends.every(Number.isInteger)) throw new Words("Only a range of whole numbers can be gone through.");
}

export function isAmong(list, value) {
  if (isArray(value) && equals(list, value) === true) return true;
  return list.some((each) => (isNil(each) || isNil(value) ? isNil(each) && isNil(value) : compareValue(each, value) === true));
}

// Null asked of a function is null; any other value that it cannot take is its author's mistake.
function refused({ $name }, args, wanted) {
  const least = wanted.filter((each) => !each.endsWith("?")).length;
  if (args.length >= least && args.flat().some(isNil)) return null;
  throw new Words('Calls "' + $name + '" with ' + (args.map(kind).join(", ") || "nothing") + ".");
}

function within(item, context) {
  return { ...context, item, ...(isContext(item) ? item : {}) };
}

function asksEach(test, list, context) {
  return list.length > 0 && !isNumber(test(within(list[0], context)));
}

function filtered(test, list, context) {
  return list.filter((item) => {
    const found = test(within(item, context));
    if (typeof found === "function") return found(item) === true;
    return isRange(found) ? found.includes(item) === true : found === true;
  });
}

// Numbers are decimal in FEEL. A binary fraction keeps fifteen digits of any decimal: what is calculated is brought back
// to as many decimals as it can have, or to those digits.
function decimals(n) {
  if (Number.isInteger(n)) return 0;
  const [digits, exponent] = n.toExponential().split("e");
  return Math.max(0, digits.replace("-", "").length - 2 + (digits.includes(".") ? 0 : 1) - Number(exponent));
}

function toScale(n, scale) {
  if (scale === 0) return checked(n);
  return scale > 100 || Math.abs(n) > Number.MAX_SAFE_INTEGER ? rounded(n) : checked(Number(n.toFixed(scale)));
}

function checked(n) {
  if (!Number.isFinite(n)) throw new Words("The result is not a number that can be kept.");
  return n;
}

function writtenOut(text) {
  const digits = text.toLowerCase().split("e")[0].replace(".", "").replace(/^0+|0+$/g, "");
  if (digits.length > 15) throw new Words("A number has at most fifteen digits.");
  return checked(Number(text));
}

export function rounded(n) {
  return Number.isSafeInteger(n) ? n : checked(Number(n.toPrecision(15)));
}

export function added(a, b) {
  return toScale(a + b, Math.max(decimals(a), decimals(b)));
}

export function multiplied(a, b) {
  return toScale(a * b, decimals(a) + decimals(b));
}

export function divided(a, b) {
  return rounded(a / b);
}

function scales(how, a, b) {
  if (how === "multiply") return (isDuration(a) && isNumber(b)) || (isNumber(a) && isDuration(b));
  return how === "divide" && isDuration(a) && (isNumber(b) || isDuration(b));
}

function scaled(how, a, b) {
  if (isNumber(a)) return scaled(how, b, a);
  if (isDuration(b)) {
    sameKind(a, b);
    return b.value.sign === 0 ? null : divided(inOneUnit(a), inOneUnit(b));
  }
  if (how === "divide" && b === 0) return null;
  const found = how === "divide" ? divided(inOneUnit(a), b) : multiplied(inOneUnit(a), b);
  return a.yearsMonths ? ofMonths(Math.trunc(found)) : ofSeconds(found, a.value.days !== 0);
}

function inOneUnit(dur) {
  const { years, months } = dur.value;
  return dur.yearsMonths ? years * 12 + months : rounded(dur.value.total({ unit: "second", relativeTo: REFERENCE_DATE }));
}

function ofMonths(months) {
  return new FeelDuration(Temporal.Duration.from({ months }), true);
}

function ofSeconds(found, inDays) {
  const days = inDays ? Math.trunc(found / 86400) : 0;
  const seconds = Math.trunc(found - days * 86400);
  const nanoseconds = Math.round((found - days * 86400 - seconds) * 1e9);
  return new FeelDuration(Temporal.Duration.from({ days, seconds, nanoseconds }), false);
}

function areInstants(a, b) {
  return isDateTime(a) && isDateTime(b) && isZoned(a) && isZoned(b);
}

function passed(a, b) {
  return new FeelDuration(Temporal.Duration.from({ milliseconds: toComparable(a) - toComparable(b) }), false);
}

function daysOf(dur) {
  return dur.value.total({ unit: "day", relativeTo: REFERENCE_DATE });
}

function isWholeDays(dur) {
  return !dur.yearsMonths && Number.isInteger(daysOf(dur));
}

function laterDate(date, dur, sign) {
  return new FeelDate(date.value.add({ days: sign * daysOf(dur) }));
}

function balanced(value) {
  return value.round({ largestUnit: "day", relativeTo: REFERENCE_DATE });
}

function checkOfType(name) {
  if (!Object.hasOwn(NAMED_TYPE_CHECKS, name)) throw new Words("Asks for a type that does not exist.");
  return NAMED_TYPE_CHECKS[name];
}

// A zoned date and time as FEEL has it: wall clock and zone name, or its offset in the second of a doubled hour.
export function zoned(value) {
  const plain = value.toPlainDateTime();
  const same = plain.toZonedDateTime(value.timeZoneId).epochNanoseconds === value.epochNanoseconds;
  return new FeelDateTime(plain, same ? value.timeZoneId : value.offset);
}

export function compile(expression, unary, context) {
  const kept = new InterpreterContext();
  const how = unary ? "unaryTest" : "evaluate";
  const { parseTree, root } = interpreter[how](expression, context, undefined, kept);
  return {
    parseTree,
    run(values) {
      kept.warnings = [];
      const found = root(values);
      const value = unary ? found(values["?"] === undefined ? null : values["?"]) : found;
      return { value, warnings: kept.warnings };
    },
  };
}

export const builtinNames = Object.keys(builtins);
export { builtins, cmp, equals, fn, getType, invalidArguments, isDate, isDateTime, isDuration, isNil, isTime, listFn };
`;

function lines(all) {
  return all.join("\n") + "\n";
}

export const feelinPatches = {
  name: "feelin-patches",
  setup(build) {
    const temporal = fileURLToPath(new URL("temporal.js", import.meta.url));
    build.onResolve({ filter: /^temporal-polyfill$/ }, () => ({ path: temporal }));
    build.onLoad({ filter: /node_modules[\\/]feelin[\\/]dist[\\/]index\.js$/ }, async ({ path }) => {
      let source = await readFile(path, "utf8");
      for (const { why, find, put } of PATCHES) {
        if (source.split(lines(find)).length !== 2) throw new Error(`feelin has changed; cannot patch: ${why}`);
        source = source.replace(lines(find), () => lines(put));
      }
      return { contents: source + ADDITION, loader: "js" };
    });
  },
};
