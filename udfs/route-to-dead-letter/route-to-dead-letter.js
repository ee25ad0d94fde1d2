/**
 * Checks a record, and sends a faulty one to the dead letter with the reason: throwing does that.
 *
 * The dead letter holds the payload as it came, the message thrown and the lines of this script it came from.
 */
function process(payload) {
  const record = JSON.parse(payload);
  const faults = [];
  if (typeof record.id !== 'string' || record.id === '') faults.push('id is missing');
  if (!(record.amount >= 0)) faults.push('amount is not a number of 0 or more');
  if (Number.isNaN(Date.parse(record.time))) faults.push('time is not a date');
  if (faults.length > 0) throw new Error(faults.join('; '));
  return payload;
}
