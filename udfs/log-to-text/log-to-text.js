/** Turns an entry of Cloud Logging into one line of text: time, severity, resource and message. */
function process(payload) {
  const entry = JSON.parse(payload);
  const resource = entry.resource || {};
  const labels = resource.labels || {};
  const name = labels.container_name || labels.service_name || labels.instance_id || resource.type || '-';
  // One entry is one line, whatever its message holds.
  const message = messageOf(entry).replace(/\s*\n\s*/g, ' | ');
  return [entry.timestamp || '-', entry.severity || 'DEFAULT', name, message].join(' ');
}

function messageOf(entry) {
  if (entry.textPayload !== undefined) return entry.textPayload;
  const body = entry.jsonPayload || entry.protoPayload || {};
  if (typeof body.message === 'string') return body.message;
  return JSON.stringify(body);
}
