/**
 * Adds fields that are not in the payload, but come with the message: its attributes, id and publish time.
 *
 * The second parameter holds them: {attributes, messageId, publishTime, key, position}, each where there is one.
 */
function process(payload, context) {
  const record = JSON.parse(payload);
  record._messageId = context.messageId;
  record._publishTime = context.publishTime;
  record._source = context.attributes.source || 'unknown';
  return JSON.stringify(record);
}
