/**
 * Adds what a lookup table knows about an order's country.
 *
 * A small table lives in the script; a pattern as the path (`gs://bucket/udf/*.js`) loads a larger one from a
 * file of its own, in the order of the files' names.
 */
const COUNTRIES = {
  DE: { name: 'Germany', currency: 'EUR' },
  JP: { name: 'Japan', currency: 'JPY' },
  US: { name: 'United States', currency: 'USD' },
};

function process(payload) {
  const order = JSON.parse(payload);
  const country = COUNTRIES[order.country];
  order.countryName = country ? country.name : 'unknown';
  if (country) order.currency = country.currency;
  return JSON.stringify(order);
}
