function transform(payload) {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
}
