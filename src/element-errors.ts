/** Why single elements fail: one table, from which `docs/errors.md` is made. */
import type { ErrorKind } from './errors.ts';

/** What a code of a failed element stands for: two sentences for the user. */
export type ElementErrorKind = Pick<ErrorKind, 'summary' | 'remedy'>;

const elementError = (summary: string, remedy: string): ElementErrorKind => ({ summary, remedy });

/** Why single elements fail: the codes in dead letters and in the counters. The job goes on. */
export const elementErrorKinds = {
  AVRO_MALFORMED: elementError(
    'The message is no record of Avro of its schema.',
    'The message says what is wrong: mind which schema, and which encoding, it is written with.',
  ),
  BIGQUERY_MISSING_FIELD: elementError(
    'The row lacks a field that the table requires.',
    'Give the field a value, or make its column NULLABLE.',
  ),
  BIGQUERY_NO_SUCH_FIELD: elementError(
    'The row has a field that the table lacks.',
    'Drop the field, add the column, or let the job add it (`schema_update: evolve`).',
  ),
  BIGQUERY_ROW_REFUSED: elementError(
    'BigQuery does not take the row.',
    'The message has its reason: mend the input, or the table.',
  ),
  BIGQUERY_TYPE_MISMATCH: elementError(
    'A value is not of the type of its column.',
    'The message names field, type and value: mend the input, or convert it in a function.',
  ),
  ELASTICSEARCH_CONFLICT: elementError(
    'Another document has the same id, and documents are only created.',
    'Take another field for the id, or let the job replace documents (`action: index`).',
  ),
  ELASTICSEARCH_FIELD_MISSING: elementError(
    'The document does not say where it belongs: its field for the id or the index is missing, or is no plain value.',
    'Give it the field, or filter such documents out.',
  ),
  ELASTICSEARCH_REFUSED: elementError(
    'Elasticsearch does not take the document.',
    "The message has the server's type and reason: mend the document, or the mapping of the index.",
  ),
  EXPRESSION_FAILED: elementError(
    'An expression could not be worked out for the row.',
    'The message names the expression and why: mind null, and values of other kinds.',
  ),
  FIELD_EXISTS: elementError(
    'A field that is to be added is in the row already.',
    'Call the new field otherwise, or drop the old one too.',
  ),
  FILE_MALFORMED: elementError(
    'The file is not what its name says, or it is broken off.',
    'The message names the file: mend it, or give it the right ending.',
  ),
  FILE_NAME_REFUSED: elementError(
    'The new file cannot have the name it would get.',
    'Another file of the job has it, it is the file itself, or it leads out of the folder: give it another in a function.',
  ),
  FILE_NOT_COMPRESSED: elementError(
    'The name of the file does not say how it is compressed.',
    'Leave such files out with the pattern, or in a function.',
  ),
  FILE_UNREADABLE: elementError(
    'The file is gone or cannot be read, or the row names none.',
    'The message says why; `path` in the row is the file.',
  ),
  NOT_A_LIST: elementError(
    'A field that is to be exploded holds neither a list nor text.',
    'Put a Filter or a MapToFields before it, or add `error_handling`.',
  ),
  NOT_COMBINABLE: elementError(
    'A value cannot be combined in the way asked for.',
    'Mend the value, or leave such elements out with Filter before they are grouped.',
  ),
  CSV_MALFORMED: elementError(
    'The line is no record of CSV with the columns asked for.',
    'The message says what is wrong: mend the line, or give the right delimiter and columns.',
  ),
  KAFKA_MESSAGE_REFUSED: elementError(
    'Kafka does not take the message: it is too large, or lacks what the topic asks for.',
    'The message says why: mend the input, or the settings of the topic.',
  ),
  NOT_JSON_OBJECT: elementError(
    'The text is no JSON object.',
    'Mend the input, or keep such lines as text: only ParseJson asks for objects.',
  ),
  NO_SUCH_COLUMN: elementError(
    'The row has a field that the file of CSV has no column for.',
    'Name all columns (`columns`), or drop the field.',
  ),
  NOT_ONE_FIELD: elementError(
    'A row that is to be written as text has not exactly one field.',
    'Write rows with WriteToJson, or give them one field.',
  ),
  OUTPUT_UNKNOWN: elementError(
    'A partition was chosen that is not among the outputs.',
    'Add it to `outputs`, or say `unknown_output` for all others.',
  ),
  PUBSUB_MESSAGE_REFUSED: elementError(
    'Pub/Sub does not take the message: it is empty or too large, or its attributes are.',
    'A message holds at most 10 MB, and 100 attributes of at most 1024 bytes.',
  ),
  SCHEMA_NOT_FOUND: elementError(
    'The schema registry has no schema of the number that the message names, or none that can be used.',
    'Register the schema, or read from the registry that the message was written with; then replay the dead letters.',
  ),
  SCHEMA_VIOLATED: elementError(
    'The row does not have the form its schema asks for.',
    'The message names each field and what is wrong with it.',
  ),
  SPLUNK_REFUSED: elementError(
    'Splunk does not take the event.',
    "The message has the server's answer: mend the event, or what `_metadata` says of it.",
  ),
  SQL_NO_SUCH_COLUMN: elementError(
    'The row has a field that the table of the database has no column for.',
    'Add the column, or drop the field.',
  ),
  SQL_ROW_REFUSED: elementError(
    'The database refuses the row.',
    'The message has what it says: a value of another type, a key that is there, a constraint.',
  ),
  TIMESTAMP_INVALID: elementError(
    'What is to be the event time of the element is no time.',
    'A time is a number of seconds since 1970, or RFC 3339 text such as 2024-05-01T12:00:00Z.',
  ),
  TOO_MANY_ROWS: elementError(
    'One row would become more rows than it may.',
    'Explode fewer fields, or cut the lists first.',
  ),
  UDF_INPUT_NOT_UTF8: elementError(
    'The element is not valid UTF-8, so a function cannot have it as text.',
    'Mend the encoding of the input.',
  ),
  UDF_KILLED: elementError(
    'The function crashed the process it runs in, twice.',
    'Try the payload with `sluice udf run`.',
  ),
  UDF_MEMORY: elementError(
    'The function needed more memory than it may have.',
    'Raise the limit (`memory_mb`, `udfMemoryMb`), or build less at a time.',
  ),
  UDF_OUTPUT_TOO_LARGE: elementError(
    'The function returned more than it may.',
    'Raise the limit (`max_output_bytes`, `udfMaxOutputBytes`), or return less.',
  ),
  UDF_RETURN_NOT_OBJECT: elementError(
    'The function was given a row and did not return a JSON object.',
    'Return `JSON.stringify` of an object.',
  ),
  UDF_RETURN_TYPE: elementError(
    'The function returned neither a string, nor null or undefined to drop the element.',
    'Return `JSON.stringify` of the value; a function cannot be `async`.',
  ),
  UDF_THREW: elementError(
    'The function threw.',
    'The message and the stack name the line: catch the error there, or mend the input.',
  ),
  UDF_TIMEOUT: elementError(
    'The function ran longer than it may.',
    'Raise the limit (`timeout_ms`, `udfTimeoutMs`), or look for an endless loop.',
  ),
} as const satisfies Record<string, ElementErrorKind>;
