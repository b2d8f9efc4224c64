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
  if (isDateTime(a) && isZoned(a) !== isZoned(b)) {
    throw new Words("Compares a date and time that has a time zone with one that has none.");
  }
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
export { equals, getType, isDate, isDateTime, isDuration, isTime };
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
