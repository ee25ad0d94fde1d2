/** Changes the shape of a record: renames, computes, removes, and adds what follows from the rest. */
function transform(payload) {
  const source = JSON.parse(payload);
  const target = {
    orderId: source.id,
    customer: `${source.first_name} ${source.last_name}`,
    total: Math.round(source.quantity * source.unit_price * 100) / 100,
    tags: (source.tags || '').split(',').map(trim).filter(Boolean),
  };
  return JSON.stringify(target);
}

function trim(text) {
  return text.trim().toLowerCase();
}
