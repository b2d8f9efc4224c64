// What the service's engine loads into V8: FEEL with our functions, for single expressions and for decision tables.
// Every answer is JSON text: {"value": ...} or {"problem": "words"}. No words contain a value of the case's data.
import { Words, builtinNames, builtins, compile, equals, getType, isRange, kind } from "feelin";
import { date, dateAndTime, duration, isDate, isDateTime, isDuration, isTime, time } from "feelin";
import { FUNCTIONS, setMoment } from "./moment.js";
import { survey } from "./names.js";
import "./standard.js";

const KEPT = 4000;
const KEPT_TABLES = 500;
const PLAIN = /^[A-Za-z_\u00C0-\u024F][A-Za-z0-9_\u00C0-\u024F]*$/;
const kept = new Map();

// Parsed expressions are kept: FEEL only looks at the data while parsing to find names with spaces in them, so those
// few are parsed anew.
function runner(expression, unary, strange) {
  if (strange) return compile(expression, unary, { ...strange, ...FUNCTIONS }).run;
  return kept.get(key(expression, unary)) || keep(expression, unary).run;
}

function keep(expression, unary) {
  const found = compile(expression, unary, FUNCTIONS);
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
  kept.set(key(expression, unary), found.run);
  return found;
}

function key(expression, unary) {
  return (unary ? "?" : "=") + expression;
}

function strangeNames(value) {
  if (Array.isArray(value)) return value.some(strangeNames);
  if (getType(value) !== "context") return false;
  return Object.keys(value).some((key) => !PLAIN.test(key) || strangeNames(value[key]));
}

const MISTAKES = {
  INVALID_TYPE: ({ left, right }) => `Calculates with ${kind(left)} and ${kind(right)}.`,
  INVALID_ARGUMENTS: (values, template) => `Not valid: ${template.replace(/\{\w+\}/g, "...")}.`,
  FUNCTION_INVOCATION_FAILURE: () => "Calls a function with the wrong arguments.",
  NO_FUNCTION_FOUND: () => "Calls a function that does not exist.",
  UNSUPPORTED: (values, template) => `${template}.`,
};

// A missing name gives null, as FEEL says; what can only be an author's mistake does not pass in silence.
function mistake({ type, details: { template, values } }) {
  if (!Object.hasOwn(MISTAKES, type)) return null;
  if (type === "INVALID_TYPE" && Object.values(values).some((each) => getType(each) === "nil")) return null;
  return MISTAKES[type](values, template);
}

function ask(expression, unary, values, strange) {
  const { value, warnings } = runner(expression, unary, strange)(values);
  for (const warning of warnings) {
    const found = mistake(warning);
    if (found) throw new Words(found);
  }
  return value;
}

function plain(value) {
  switch (getType(value)) {
    case "nil":
      return null;
    case "number":
      if (!Number.isFinite(value)) throw new Words("The result is not a number that can be kept.");
      return value;
    case "list":
      return value.map(plain);
    case "context":
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [text(key), plain(each)]));
    case "date time":
      return instant(value);
    case "date":
      return calendar(value.toString());
    case "time":
    case "duration":
      return value.toString();
    case "boolean":
      return value;
    case "string":
      return text(value);
    default:
      throw new Words(`The result is ${kind(value)}, not a value.`);
  }
}

// Texts must be such that any database and any encoding can keep them.
function text(value) {
  if (!value.isWellFormed() || value.includes("\0")) throw new Words("The result has a character that cannot be kept.");
  return value;
}

function calendar(iso) {
  if (!/^\d{4}-/.test(iso)) throw new Words("The result is a date outside the years 0 to 9999.");
  return iso;
}

// A date and time in a named zone leaves with its offset, as ISO 8601 has it.
function instant(value) {
  if (value.timezone === null || !/^[A-Z]/i.test(value.timezone)) return calendar(value.toString());
  return calendar(value.unwrap().toZonedDateTime(value.timezone).toString({ timeZoneName: "never" }));
}

function answered(work) {
  try {
    return JSON.stringify({ value: work() });
  } catch (error) {
    return JSON.stringify({ problem: words(error) });
  }
}

function words(error) {
  if (error instanceof Words) return error.message;
  if (error instanceof RangeError) return "It is nested too deeply or uses numbers that are too large.";
  if (error && error.position) return syntax(error);
  return "It cannot be evaluated with these values.";
}

function syntax({ input, position }) {
  const what = input && input.trim() ? `"${input.slice(0, 40)}" is not understood` : "something is missing";
  return `At character ${position.from + 1}, ${what}.`;
}

function scope(json) {
  const data = JSON.parse(json);
  return [{ ...data, ...FUNCTIONS }, strangeNames(data) ? data : null];
}

function evaluate(expression, json, moment) {
  return answered(() => {
    setMoment(moment);
    const [values, strange] = scope(json);
    return plain(ask(expression, false, values, strange));
  });
}

function inspected(expression, unary) {
  return answered(() => {
    const { parseTree } = keep(expression, unary);
    const { names, reads, calls, literals } = survey(parseTree, expression);
    const problems = [...calls.map(callProblem), ...literals.map((at) => literalProblem(expression, at))];
    return { names: [...names], reads: [...reads], problems: problems.filter(Boolean) };
  });
}

const inspect = (expression) => inspected(expression, false);
const inspectTest = (expression) => inspected(expression, true);

function callProblem({ name, count, at }) {
  const own = Object.hasOwn(FUNCTIONS, name) && FUNCTIONS[name].$args;
  if (!own && !builtinNames.includes(name)) return `At character ${at + 1}, there is no function "${name}".`;
  if (own && count !== null && count !== own.length) {
    return `At character ${at + 1}, "${name}" takes ${own.length} arguments (${own.join(", ")}), not ${count}.`;
  }
  return null;
}

function literalProblem(expression, { from, to }) {
  const literal = expression.slice(from, to);
  const { value } = compile(literal, false, {}).run({});
  if (getType(value) !== "nil") return null;
  return `At character ${from + 1}, ${literal} does not exist in the calendar or is not written as ISO 8601.`;
}

const READERS = {
  date: [isDate, (text) => date(text)],
  time: [isTime, (text) => time(text)],
  dateTime: [isDateTime, (text) => dateAndTime(text)],
  duration: [isDuration, (text) => duration(text)],
  dayTimeDuration: [(value) => isDuration(value) && !value.yearsMonths, (text) => duration(text)],
  yearMonthDuration: [(value) => isDuration(value) && value.yearsMonths, (text) => duration(text)],
  number: [(value) => getType(value) === "number", null],
  string: [(value) => getType(value) === "string", null],
  boolean: [(value) => getType(value) === "boolean", null],
};
const CALLED = {
  dateTime: "date and time",
  dayTimeDuration: "duration in days and hours",
  yearMonthDuration: "duration in years and months",
};

// Brings a value to the type that the table says it has: ISO texts of the case's data become dates. Null stays null.
function typed(value, type, where) {
  if (getType(value) === "nil") return null;
  if (!Object.hasOwn(READERS, type)) return value;
  const [is, read] = READERS[type];
  if (is(value)) return value;
  const found = read && getType(value) === "string" ? read(value) : null;
  if (found !== null && is(found)) return found;
  const given = isDuration(found) ? `one in ${found.yearsMonths ? "years and months" : "days and hours"}` : kind(value);
  throw new Words(`${where} should be a ${CALLED[type] || type}, not ${given}.`);
}

// A cell that is only a name, and no such name in the data: its author forgot the quotation marks.
const NAMES_ONLY = /^\s*[\p{L}_][\p{L}\p{N}_ ]*(,\s*[\p{L}_][\p{L}\p{N}_ ]*)*$/u;

function askCell(cell, unary, values, strange) {
  const { value, warnings } = runner(cell, unary, strange)(values);
  for (const warning of warnings) {
    if (warning.type === "NO_VARIABLE_FOUND" && NAMES_ONLY.test(cell)) {
      throw new Words("Reads a name that the data does not have; a text needs quotation marks.");
    }
    const found = mistake(warning);
    if (found) throw new Words(found);
  }
  return value;
}

function matches(test, scoped, strange) {
  return test === "" || test === "-" || askCell(test, true, scoped, strange) === true;
}

function located(where, work) {
  try {
    return work();
  } catch (error) {
    throw new Words(`${typeof where === "function" ? where() : where}: ${words(error)}`);
  }
}

function input({ label, expression, type, allowed }, values, strange) {
  const value = typed(located(label, () => ask(expression, false, values, strange)), type, label);
  const scoped = { ...values, "?": value };
  if (allowed && value !== null && !located(label, () => matches(allowed, scoped, strange))) {
    throw new Words(`${label} has a value that the table does not allow.`);
  }
  return scoped;
}

function output(column, cell, where, values, strange) {
  const whole = `${where}, ${column.label}`;
  const given = cell === "" || cell === "-" ? null : located(whole, () => askCell(cell, false, values, strange));
  const value = typed(given, column.type, whole);
  const rank = column.allowed ? located(whole, () => place(column, value, values, strange)) : 0;
  if (rank < 0 && value !== null) throw new Words(`${whole} gives a value that the table does not allow.`);
  return { value, rank: rank < 0 ? Number.MAX_SAFE_INTEGER : rank };
}

// Tells which of the allowed values, or ranges of them, it is; -1 when it is none. Tests that are no list have no order.
function place({ type, allowed, listed }, value, values, strange) {
  if (!listed) return matches(allowed, { ...values, "?": value }, strange) ? 0 : -1;
  const options = ask(`[${allowed}]`, false, values, strange);
  return options.findIndex((each) =>
    isRange(each) ? each.includes(value) === true : equals(typed(each, type, "An allowed value"), value) === true,
  );
}

// What COLLECT makes of the values of the only output; null where it makes nothing of them.
function collected(aggregation, values) {
  if (!aggregation || values.length === 0) return null;
  if (values.some((each) => each === null || (aggregation === "SUM" && getType(each) !== "number"))) {
    throw new Words(`${aggregation} needs ${aggregation === "SUM" ? "numbers" : "a value"} in every rule that hits.`);
  }
  return plain(builtins[aggregation.toLowerCase()](values));
}

// Tables are kept by the digest of what they say, so that they are sent once and not with every question.
const tables = new Map();

function keepTable(digest, said) {
  if (tables.size >= KEPT_TABLES) tables.delete(tables.keys().next().value);
  tables.set(digest, JSON.parse(said));
  return answered(() => true);
}

// Asks a decision table. `first` stops at the first rule that hits. Gives the inputs and, per hit, the rule's number
// with the outputs and their ranks among the allowed values; null when the table is not kept (any more).
function table(digest, json, moment) {
  return answered(() => (tables.has(digest) ? rows(tables.get(digest), json, moment) : null));
}

function rows({ inputs, outputs, rules, defaults, first, aggregation }, json, moment) {
  setMoment(moment);
  const [values, strange] = scope(json);
  const scopes = inputs.map((each) => input(each, values, strange));
  const cells = (row, where) => row.map((cell, at) => output(outputs[at], cell, where, values, strange));
  const hits = [];
  for (const [number, { tests, outputs: row }] of rules.entries()) {
    const where = `Rule ${number + 1}`;
    const hit = (test, at) => located(() => `${where}, ${inputs[at].label}`, () => matches(test, scopes[at], strange));
    if (!tests.every(hit)) continue;
    hits.push({ rule: number, outputs: cells(row, where) });
    if (first) break;
  }
  const fallBack = hits.length === 0 && defaults.some(Boolean);
  const given = fallBack ? cells(defaults, "Default") : null;
  const told = (row) => row.map(({ value, rank }) => ({ value: plain(value), rank }));
  return {
    inputs: scopes.map((each) => plain(each["?"])),
    hits: hits.map(({ rule, outputs: row }) => ({ rule, outputs: told(row) })),
    defaults: given && given.map(({ value }) => plain(value)),
    collected: collected(aggregation, (given ? [given] : hits.map((each) => each.outputs)).map((row) => row[0].value)),
  };
}

// Evaluates one expression to a given type.
function literal({ expression, type, label }, json, moment) {
  return answered(() => {
    setMoment(moment);
    const [values, strange] = scope(json);
    return plain(typed(ask(expression, false, values, strange), type, label));
  });
}

Object.preventExtensions(Object.prototype);
Object.preventExtensions(Array.prototype);
Object.preventExtensions(Function.prototype);
globalThis.feel = Object.freeze({ evaluate, inspect, inspectTest, keepTable, literal, table });
