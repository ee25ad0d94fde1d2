/**
 * Keeps one record in ten, the same ones every time: chance is taken from a hash of the payload.
 *
 * So a job that runs again, or a record that is delivered twice, gives the same sample.
 */
const KEEP_PERCENT = 10;

function process(payload) {
  return hash(payload) % 100 < KEEP_PERCENT ? payload : null;
}

/** FNV-1a, 32 bits, over the characters. */
function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  // The last bits of that alone are not mixed well.
  return (value ^ (value >>> 15)) >>> 0;
}
