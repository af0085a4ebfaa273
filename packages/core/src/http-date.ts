const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Sun, 06 Nov 1994 08:49:37 GMT`, the form that is sent. */
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT$/;
/** `Sunday, 06-Nov-94 08:49:37 GMT`, obsolete. */
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-(\w{3})-(\d\d) (\d\d:\d\d:\d\d) GMT$/;
/** `Sun Nov  6 08:49:37 1994`, obsolete, in GMT. */
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/;

/**
 * Reads an HTTP date in any of its three forms (RFC 9110, 5.6.7).
 *
 * @param wallTime The present, in milliseconds since 1970: a year of two digits that would lie more
 * than 50 years ahead is in the past.
 * @returns Milliseconds since 1970, or `undefined` if the text is not a date.
 */
export function parseHttpDate(text: string, wallTime: number): number | undefined {
  let found = fixdate.exec(text);
  if (found !== null) return at(found[3], found[2], found[1], found[4]);
  found = rfc850.exec(text);
  if (found !== null) {
    const present = new Date(wallTime).getUTCFullYear();
    const year = present - (present % 100) + Number(found[3]);
    return at(year > present + 50 ? year - 100 : year, found[2], found[1], found[4]);
  }
  found = asctime.exec(text);
  return found === null ? undefined : at(found[4], found[1], found[2], found[3]);
}

function at(
  year: string | number | undefined,
  monthName = "",
  dayText: string | undefined,
  time = "",
): number | undefined {
  const month = months.indexOf(monthName);
  const day = Number(dayText);
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  // A leap second is the first of the next minute.
  if (month < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = Date.UTC(Number(year), month, day, hours, minutes, seconds);
  // Day 31 of a month with 30, and day 0.
  return new Date(Date.UTC(Number(year), month, day)).getUTCDate() === day ? date : undefined;
}
