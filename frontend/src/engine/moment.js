// The functions that our expressions have beyond FEEL: dates as the law counts them, seen from one given moment.
import { FeelDate, Words, isDate, isDateTime, kind, parseDate, parseDateTime, zoned } from "feelin";
import { Temporal } from "./temporal.js";

let moment = null; // { now: ISO instant, zone: IANA name, daysOff: sorted ISO dates, Monday to Friday }

// Sets the moment that the functions speak of, until the next call.
export function setMoment(given) {
  moment = { ...given, off: new Set(given.daysOff) };
}

function local() {
  return Temporal.Instant.from(moment.now).toZonedDateTimeISO(moment.zone);
}

// Reads a date, a date and time (its local date) or an ISO text of either; null stays null.
function day(value, name) {
  if (value === null || value === undefined) return null;
  const given = typeof value === "string" ? parseDate(value) || parseDateTime(value) : value;
  if (isDate(given)) return given.unwrap();
  if (isDateTime(given)) return localDay(given);
  throw new Words(`${name}: needs a date, not ${typeof value === "string" ? "another text" : kind(value)}.`);
}

function localDay(given) {
  if (given.timezone === null) return given.unwrap().toPlainDate();
  return given.unwrap().toZonedDateTime(given.timezone).withTimeZone(moment.zone).toPlainDate();
}

function whole(value, name, least) {
  if (value === null || value === undefined) return null;
  if (!Number.isInteger(value) || value < least || value > 10_000) {
    throw new Words(`${name}: needs a whole number from ${least} to 10000.`);
  }
  return value;
}

function works(date, name) {
  const { daysOff, off } = moment;
  if (daysOff.length) {
    const first = Number(daysOff[0].slice(0, 4));
    const last = Number(daysOff[daysOff.length - 1].slice(0, 4));
    if (date.year < first || date.year > last) {
      throw new Words(`${name}: the days off are known from ${first} to ${last} only.`);
    }
  }
  return date.dayOfWeek < 6 && !off.has(date.toString());
}

function countWorkingDays(date, count, step, name) {
  let found = date;
  for (let left = count; left > 0; ) {
    found = found.add({ days: step });
    if (works(found, name)) left -= 1;
  }
  return found;
}

function nearestWorkingDay(date, step, name) {
  let found = date;
  while (!works(found, name)) found = found.add({ days: step });
  return found;
}

const PERIODS = {
  days: (date, n) => date.add({ days: n - 1 }),
  weeks: (date, n) => date.add({ weeks: n }),
  months: (date, n) => date.add({ months: n }),
  years: (date, n) => date.add({ years: n }),
  "working days": (date, n, name) => countWorkingDays(date, n, 1, name),
};

function lastDay(date, n, unit, name = "last day") {
  const [from, count] = [day(date, name), whole(n, name, 1)];
  if (from === null || count === null || unit === null || unit === undefined) return null;
  if (!Object.hasOwn(PERIODS, unit)) {
    throw new Words(`${name}: the unit is "days", "working days", "weeks", "months" or "years".`);
  }
  return new FeelDate(PERIODS[unit](from, count, name));
}

// The last day of a period as the table `periods` gives it: moved off a day off only where the table says so.
function endOfPeriod(date, period) {
  const name = "end of period";
  if (period === null || period === undefined) return null;
  if (kind(period) !== "a context") throw new Words(`${name}: needs what the table periods said.`);
  const last = lastDay(date, period.amount, period.unit, name);
  if (last === null || period.moves !== "next working day") return last;
  return new FeelDate(nearestWorkingDay(last.unwrap(), 1, name));
}

function at(date, time) {
  const from = day(date, "at");
  if (from === null || time === null || time === undefined) return null;
  const text = typeof time === "string" ? time : time.timezone === null ? time.toString() : "";
  if (!/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(text)) throw new Words('at: needs a time like "08:00".');
  return zoned(from.toZonedDateTime({ plainTime: Temporal.PlainTime.from(text), timeZone: moment.zone }));
}

function endOfQuarter(date) {
  const from = day(date, "end of quarter");
  if (from === null) return null;
  const month = Math.ceil(from.month / 3) * 3;
  const first = from.with({ month, day: 1 });
  return new FeelDate(first.with({ day: first.daysInMonth }));
}

function endOfMonth(date) {
  const from = day(date, "end of month");
  return from === null ? null : new FeelDate(from.with({ day: from.daysInMonth }));
}

function daysBetween(from, to) {
  const [start, end] = [day(from, "days between"), day(to, "days between")];
  return start === null || end === null ? null : start.until(end, { largestUnit: "day" }).days;
}

function workingDaysFrom(name, step) {
  return (date, n) => {
    const [from, count] = [day(date, name), whole(n, name, 1)];
    return from === null || count === null ? null : new FeelDate(countWorkingDays(from, count, step, name));
  };
}

// Counts as "working days after" does: not the first day, but the last one.
function workingDaysBetween(from, to) {
  const name = "working days between";
  const [start, end] = [day(from, name), day(to, name)];
  if (start === null || end === null) return null;
  const forward = Temporal.PlainDate.compare(start, end) <= 0;
  const [first, last] = forward ? [start, end] : [end, start];
  if (first.until(last, { largestUnit: "day" }).days > 10_000) throw new Words(`${name}: too far apart.`);
  let found = 0;
  for (let each = first.add({ days: 1 }); Temporal.PlainDate.compare(each, last) <= 0; each = each.add({ days: 1 })) {
    if (works(each, name)) found += 1;
  }
  return forward ? found : -found;
}

function onDay(name, date, answer) {
  const found = day(date, name);
  return found === null ? null : answer(found, name);
}

function called(parameters, implementation) {
  implementation.$args = parameters;
  return implementation;
}

export const FUNCTIONS = {
  today: called([], () => new FeelDate(local().toPlainDate())),
  now: called([], () => zoned(local())),
  at: called(["date", "time"], at),
  "working days after": called(["date", "n"], workingDaysFrom("working days after", 1)),
  "working days before": called(["date", "n"], workingDaysFrom("working days before", -1)),
  "working days between": called(["from", "to"], workingDaysBetween),
  "next working day": called(["date"], (date) =>
    onDay("next working day", date, (day, name) => new FeelDate(nearestWorkingDay(day, 1, name))),
  ),
  "previous working day": called(["date"], (date) =>
    onDay("previous working day", date, (day, name) => new FeelDate(nearestWorkingDay(day, -1, name))),
  ),
  "is working day": called(["date"], (date) => onDay("is working day", date, works)),
  "end of month": called(["date"], endOfMonth),
  "end of quarter": called(["date"], endOfQuarter),
  "last day": called(["date", "n", "unit"], (date, n, unit) => lastDay(date, n, unit)),
  "end of period": called(["date", "period"], endOfPeriod),
  "days between": called(["from", "to"], daysBetween),
};
