/** Makes a nested object flat, for tables and CSV: `{"a": {"b": [1]}}` becomes `{"a.b.0": 1}`. */
function process(payload) {
  const flat = {};
  flatten(JSON.parse(payload), '', flat);
  return JSON.stringify(flat);
}

function flatten(value, path, flat) {
  const nested = typeof value === 'object' && value !== null;
  const keys = nested ? Object.keys(value) : [];
  // An empty object or list has no fields to stand for it: it is kept as it is.
  if (keys.length === 0) {
    if (path !== '') flat[path] = value;
    return;
  }
  keys.forEach(key => {
    flatten(value[key], path === '' ? key : `${path}.${key}`, flat);
  });
}
