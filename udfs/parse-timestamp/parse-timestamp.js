/**
 * Writes the time of a record as ISO 8601 in UTC, whichever of several ways it came in.
 *
 * Takes seconds or milliseconds since 1970, ISO with a zone, `01/May/2024:12:00:00 +0200` as web servers write
 * it, and dates without a zone, as UTC. A record whose time cannot be read is a dead letter.
 */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function process(payload) {
  const record = JSON.parse(payload);
  const time = millis(record.timestamp);
  if (Number.isNaN(time)) throw new Error(`cannot read the timestamp ${JSON.stringify(record.timestamp)}`);
  record.timestamp = new Date(time).toISOString();
  return JSON.stringify(record);
}

function millis(value) {
  // Twelve digits or more are milliseconds: as seconds they would lie 30,000 years ahead.
  if (typeof value === 'number' || /^\d+$/.test(value)) return value < 1e11 ? value * 1000 : Number(value);
  const web = /^(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8}) ([+-]\d\d)(\d\d)$/.exec(value);
  if (web) {
    const month = String(MONTHS.indexOf(web[2]) + 1).padStart(2, '0');
    return Date.parse(`${web[3]}-${month}-${web[1]}T${web[4]}${web[5]}:${web[6]}`);
  }
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ]([\d:.]+))?(Z|[+-]\d\d:\d\d)?$/.exec(value);
  return iso ? Date.parse(`${iso[1]}T${iso[2] || '00:00:00'}${iso[3] || 'Z'}`) : NaN;
}
