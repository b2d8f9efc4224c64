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

function addWorkingDays(date, count, name) {
  let found = date;
  for (let left = count; left > 0; ) {
    found = found.add({ days: 1 });
    if (works(found, name)) left -= 1;
  }
  return found;
}

function nextWorkingDay(date, name) {
  let found = date;
  while (!works(found, name)) found = found.add({ days: 1 });
  return new FeelDate(found);
}

const PERIODS = {
  days: (date, n) => date.add({ days: n - 1 }),
  weeks: (date, n) => date.add({ weeks: n }),
  months: (date, n) => date.add({ months: n }),
  years: (date, n) => date.add({ years: n }),
};

function lastDay(date, n, unit) {
  const name = "last day";
  const [from, count] = [day(date, name), whole(n, name, 1)];
  if (from === null || count === null || unit === null || unit === undefined) return null;
  if (!Object.hasOwn(PERIODS, unit)) {
    throw new Words(`${name}: the unit is "days", "weeks", "months" or "years".`);
  }
  return new FeelDate(PERIODS[unit](from, count));
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

function daysBetween(from, to) {
  const [start, end] = [day(from, "days between"), day(to, "days between")];
  return start === null || end === null ? null : start.until(end, { largestUnit: "day" }).days;
}

function workingDaysAfter(date, n) {
  const name = "working days after";
  const [from, count] = [day(date, name), whole(n, name, 1)];
  return from === null || count === null ? null : new FeelDate(addWorkingDays(from, count, name));
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
  "working days after": called(["date", "n"], workingDaysAfter),
  "next working day": called(["date"], (date) => onDay("next working day", date, nextWorkingDay)),
  "is working day": called(["date"], (date) => onDay("is working day", date, works)),
  "end of quarter": called(["date"], endOfQuarter),
  "last day": called(["date", "n", "unit"], lastDay),
  "days between": called(["from", "to"], daysBetween),
};
