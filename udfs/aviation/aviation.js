/*
 * Two kinds of records on one topic become events of one shape. What `npm run quickstart` runs:
 *   flights       {"delay": 171, "distance": 2227, "time": 8.25}      minutes, miles, hour of departure
 *   bird strikes  {"Airport Name": "…", "Flight Date": "1990-01-08", "Speed IAS in knots": "300", …}
 */
function aviation(payload) {
  var record = JSON.parse(payload);
  var event = 'delay' in record ? flight(record) : birdStrike(record);
  // Returning null filters the record: it is counted, and goes nowhere.
  return event && JSON.stringify(event);
}

function flight(record) {
  // A flight that left within a quarter of an hour of its time is no news.
  if (Math.abs(record.delay) < 15) return null;
  // An error thrown here makes the record a dead letter, with this message and the original payload.
  if (record.delay < -60) throw new Error('left ' + -record.delay + ' minutes early: not plausible');
  var hour = Math.floor(record.time);
  var minute = Math.round((record.time - hour) * 60);
  return {
    kind: 'flight',
    departure: pad(hour) + ':' + pad(minute),
    delay_minutes: record.delay,
    distance_km: Math.round(record.distance * 1.609344),
  };
}

function birdStrike(record) {
  var knots = record['Speed IAS in knots'];
  if (!knots) throw new Error('no speed was recorded');
  return {
    kind: 'bird_strike',
    date: record['Flight Date'],
    airport: record['Airport Name'],
    species: record['Wildlife Species'],
    speed_kmh: Math.round(Number(knots) * 1.852),
    cost_dollars: Number(record['Cost Total $']),
  };
}

function pad(number) {
  return String(number).padStart(2, '0');
}
