/**
 * Turns a line of CSV into a JSON object: quoted fields may hold commas and doubled quotes.
 *
 * Write the columns of your file here; an empty field becomes null, a number a number.
 */
const COLUMNS = ['id', 'name', 'city', 'score'];

function process(line) {
  const fields = split(line);
  if (fields.length !== COLUMNS.length) {
    throw new Error(`the line has ${fields.length} fields, not ${COLUMNS.length}`);
  }
  const record = {};
  for (let i = 0; i < COLUMNS.length; i++) record[COLUMNS[i]] = typed(fields[i]);
  return JSON.stringify(record);
}

function split(line) {
  const fields = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r]*))(,|\r?$)/y;
  for (;;) {
    const match = field.exec(line);
    if (!match) throw new Error('a quote is not closed, or stands within a field');
    fields.push(match[1] === undefined ? match[2] : match[1].replace(/""/g, '"'));
    if (match[3] !== ',') return fields;
  }
}

function typed(text) {
  if (text === '') return null;
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text;
}
