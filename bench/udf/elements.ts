/** The elements the benchmark runs on: JSON records of a given size, none like another, and the function. */

/** The UDF of the benchmark: parse, add a field, stringify. */
export const SOURCE = `function process(payload) {
  const record = JSON.parse(payload);
  record.total = record.quantity * record.price;
  return JSON.stringify(record);
}`;

/** Records of about `bytes` bytes. */
export function makeElements(bytes: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => makeElement(bytes, i));
}

function makeElement(bytes: number, seed: number): string {
  const record: Record<string, unknown> = {
    id: `order-${seed}`,
    quantity: (seed % 9) + 1,
    price: (seed % 1000) / 100,
    customer: `customer ${(seed * 7919) % 10_007}`,
    active: seed % 3 === 0,
  };
  const items: unknown[] = [];
  record.items = items;
  for (let i = 0; JSON.stringify(record).length < bytes - 40; i++) {
    items.push({
      sku: `A${(seed * 31 + i * 17) % 99_991}`,
      n: (seed + i) % 50,
      w: ((seed + i) % 77) / 4,
      ok: i % 2 === 0,
    });
  }
  return JSON.stringify(record);
}
