/**
 * Every error Sluice reports on purpose: its code, what it means, and what the command line and the API answer with
 * it. `docs/errors.md` is generated from this table and that of `element-errors.ts`.
 */

/** The canonical statuses of Google's APIs, with the numbers that gRPC gives them. */
export const canonicalStatuses = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type CanonicalStatus = keyof typeof canonicalStatuses;

/** What a code stands for: the process exit status, what the API answers, and two sentences for the user. */
export interface ErrorKind {
  exit: 1 | 2;
  http: number;
  status: CanonicalStatus;
  summary: string;
  remedy: string;
}

const kind =
  (exit: 1 | 2, http: number, status: CanonicalStatus) =>
  (summary: string, remedy: string): ErrorKind => ({ exit, http, status, summary, remedy });

const invalid = kind(2, 400, 'INVALID_ARGUMENT');
const missing = kind(2, 404, 'NOT_FOUND');
const failed = kind(1, 500, 'INTERNAL');
/** Nothing is wrong with what was asked, but it cannot be done as things are. */
const refused = kind(2, 400, 'FAILED_PRECONDITION');
/** It is the user's data that failed, so the server is not at fault. */
const faulty = kind(1, 400, 'FAILED_PRECONDITION');
/** May go better another time. */
const unavailable = kind(1, 503, 'UNAVAILABLE');
const conflicting = kind(2, 409, 'ALREADY_EXISTS');
const methodless = kind(2, 405, 'UNIMPLEMENTED');
const tooLarge = kind(2, 413, 'INVALID_ARGUMENT');
const mistyped = kind(2, 415, 'INVALID_ARGUMENT');
const nameless = kind(2, 401, 'UNAUTHENTICATED');
const forbidden = kind(2, 403, 'PERMISSION_DENIED');
const tooMany = kind(1, 429, 'RESOURCE_EXHAUSTED');
const tooLate = kind(1, 504, 'DEADLINE_EXCEEDED');
const unimplemented = kind(1, 501, 'UNIMPLEMENTED');

export const errorKinds = {
  USAGE: invalid('The command was called wrongly.', 'See `sluice --help`.'),
  TEMPLATE_NOT_FOUND: missing('There is no template of that id.', 'See `sluice templates list`.'),
  TEMPLATE_INVALID: invalid('A template file is not well formed.', 'Mend the file at the line named.'),
  PARAMETERS_INVALID: invalid(
    'One or more parameters are missing, unknown or of the wrong kind.',
    'Each violation names its parameter; see `sluice templates show ID`.',
  ),
  ENVIRONMENT_INVALID: invalid(
    'A launch asks for workers that there cannot be.',
    'The message names the setting and what it may be.',
  ),
  PIPELINE_INVALID: invalid('A pipeline is not valid Beam YAML.', 'Mend the pipeline at the place named.'),
  INPUT_NOT_FOUND: missing('No file matches an input path.', 'Check the path and the pattern.'),
  INPUT_UNREADABLE: invalid('An input cannot be read.', 'Check that it exists and may be read.'),
  OUTPUT_UNWRITABLE: invalid(
    'An output cannot be written.',
    'Check that the place exists and may be written.',
  ),
  UDF_NOT_FOUND: missing(
    'No script matches the path of a UDF.',
    'Check the path; only `.js` and `.mjs` files count.',
  ),
  UDF_SYNTAX: invalid('A UDF does not parse.', 'Mend the script at the line named.'),
  UDF_LOAD_FAILED: invalid(
    'A UDF failed while its script was loaded.',
    'The top level of a script may not throw, loop or use too much memory.',
  ),
  UDF_FUNCTION_MISSING: invalid(
    'The script does not define the function named.',
    'Name a function of the script.',
  ),
  UDF_PACKAGE_MISSING: invalid(
    'A script imports what cannot be put into it.',
    'Run `npm install` in the folder of its template; modules of Node cannot be used.',
  ),
  JOB_NOT_FOUND: missing(
    'There is no job of that id or name.',
    'Check it; `sluice jobs list` shows the jobs of a server.',
  ),
  JOB_NAME_TAKEN: conflicting(
    'An active job of the project and location has that name.',
    'Choose another name, or stop that job.',
  ),
  JOB_ENDED: refused('The job has ended: nothing more can be asked of it.', 'Launch it anew.'),
  JOB_NOT_DRAINABLE: refused('A batch job cannot be drained.', 'Cancel it, or let it come to its end.'),
  UPDATE_REFUSED: refused(
    'A job cannot be replaced by the one that is to take over from it.',
    'The message names what does not fit; drain the old job and launch the new one otherwise.',
  ),
  JOB_NOT_RESUMABLE: refused('The job has ended or is running, so it cannot be resumed.', 'Launch it anew.'),
  REQUEST_INVALID: invalid(
    'A request to the API is not well formed.',
    'The message names the field and what would be right.',
  ),
  ROUTE_NOT_FOUND: missing(
    'There is no such page or route.',
    'See `/openapi.json`, or the reference at `/reference`.',
  ),
  METHOD_NOT_ALLOWED: methodless(
    'The route does not take this method.',
    'See `/openapi.json`, or the reference at `/reference`.',
  ),
  REQUEST_TOO_LARGE: tooLarge('The body of a request is too large.', 'Send less; the message has the limit.'),
  MEDIA_TYPE_UNSUPPORTED: mistyped(
    'The body of a request is of a type, or in an encoding, that the route does not take.',
    'Send it as the type that the message names, without compression.',
  ),
  UNAUTHENTICATED: nameless(
    'The server asks for a token, and the request has none that it knows.',
    'Send `Authorization: Bearer TOKEN`; `sluice token create` makes one.',
  ),
  PERMISSION_DENIED: forbidden(
    'The token, or the place of the caller, does not allow this.',
    'Use a token with the role that the message names.',
  ),
  TOKEN_NOT_FOUND: missing('There is no token of that name.', 'See `sluice token list`.'),
  PATH_FORBIDDEN: forbidden(
    'A path may not be used by the job.',
    'Use another path; a server allows those below the folders of its `--root`.',
  ),
  SECRET_NOT_FOUND: invalid(
    'A reference to a secret leads nowhere.',
    'Set the variable, or make the file, that the message names.',
  ),
  TOO_MANY_REQUESTS: tooMany('More was asked than the server takes at a time.', 'Wait, then try again.'),
  TASK_TIMEOUT: tooLate(
    'A preview, test or listing took too long.',
    'Ask for less, or look why the source is slow.',
  ),
  TASK_TOO_LARGE: faulty(
    'A preview, test or listing needs more memory, or gives a larger answer, than it may.',
    'Ask for fewer elements, or for smaller ones.',
  ),
  NOT_IMPLEMENTED: unimplemented(
    'Dataflow has this, Sluice has not.',
    'The message says what there is instead.',
  ),
  NOT_READY: unavailable(
    'The server cannot take jobs as things are.',
    'The message names what is wrong: the store, the disk, or that it is starting.',
  ),
  STORE_UNUSABLE: failed(
    'The database of jobs cannot be used.',
    'The message says why; it lies below `SLUICE_HOME`.',
  ),
  SERVER_UNREACHABLE: unavailable(
    'The Sluice server does not answer.',
    'Start it with `sluice serve`, or give its address with `--server`.',
  ),
  HOME_IN_USE: refused(
    'Another server runs on the same `SLUICE_HOME`.',
    'Stop that server, or give this one a `SLUICE_HOME` of its own.',
  ),
  ADDRESS_IN_USE: refused(
    'The address to serve at is in use or cannot be used.',
    'Choose another `--port`, or stop what listens there.',
  ),
  DEAD_LETTER_NOT_FOUND: missing(
    'The job has no dead letter of that id or code.',
    'See `sluice dlq list JOB` for the codes there are, `sluice dlq show JOB` for the ids.',
  ),
  REPLAY_REFUSED: refused(
    'Dead letters cannot be replayed as asked.',
    'The message says which ones, and what would be right.',
  ),
  ELEMENT_FAILED: faulty(
    'An element failed in a transform that has no dead letter.',
    'Add `error_handling` to the transform, or mend the element.',
  ),
  ELEMENT_TOO_LARGE: faulty(
    'An element is larger than Sluice takes.',
    'Split the element before it is read.',
  ),
  ERROR_THRESHOLD: faulty(
    'More elements failed than the threshold allows.',
    'See the dead letters for the reasons.',
  ),
  DISK_FULL: unavailable(
    'The disk is full.',
    'Free some space, then try again; a job that has failed goes on with `sluice resume`, and nothing is lost.',
  ),
  CHECKPOINT_UNUSABLE: failed('A checkpoint cannot be used.', 'Launch the job anew.'),
  BOOKS_UNBALANCED: failed(
    'The books of a job do not balance.',
    'This is a fault of Sluice: please report it.',
  ),
  WORKER_LOST: failed('A worker ended without saying why.', 'Run `sluice resume` with the id of the job.'),
  WORKER_FAULTY: faulty(
    'A worker has written into its folder what no worker writes, or told what no worker tells.',
    'Look at the image that its container was made from: the message names the file.',
  ),
  SERVICE_UNREACHABLE: unavailable(
    'A service the job needs does not answer.',
    'Check that it runs and its address.',
  ),
  AUTHENTICATION_FAILED: faulty(
    'A server that the job reads from or writes to does not accept who we are, or what we may do.',
    'Check user, password, key or token, and what they are allowed; then launch the job again.',
  ),
  LIBRARY_MISSING: failed(
    'A library that the job needs is not installed.',
    'Install it as the message says; `npm ci` does on the systems that it is made for.',
  ),
  ENGINE_UNREACHABLE: unavailable('No Docker engine answers.', 'Start it, or name another by `DOCKER_HOST`.'),
  ENGINE_REFUSED: failed(
    'The Docker engine cannot do what a container needs.',
    'The message has what the engine says.',
  ),
  IMAGE_NOT_FOUND: missing(
    'There is no such image, here or in the registry that its name means.',
    'Check the name; build it with `sluice flex build`, or pull it.',
  ),
  IMAGE_INVALID: invalid(
    'An image is none that can run a job.',
    'The message says what it lacks: build it as docs/flex-images.md describes.',
  ),
  IMAGE_FORBIDDEN: forbidden(
    'The server does not allow this image.',
    'Use an image that `--allow-image` of the server names, or have it named there.',
  ),
  IMAGE_UNVERIFIED: refused(
    'No registry vouches for an image.',
    'Push it to a registry and launch it by that name, or launch without `--verify`.',
  ),
  IMAGE_BUILD_FAILED: faulty(
    'The Docker engine failed to build an image.',
    'Mend the step that the message names; what it said stands before.',
  ),
  IMAGE_PUSH_FAILED: unavailable(
    'An image was built, but its registry did not take it.',
    'The message has what the registry says; `docker login` tells who you are.',
  ),
  TESTS_FAILED: faulty(
    'A test of a template, or a case of one of its functions, fails: no image is built.',
    'Mend what the message names, or build with `--no-test`.',
  ),
  MEMORY_LIMIT: faulty(
    'A container needed more memory than it may have.',
    'Launch the job with a higher `--memory`, or with more and smaller workers.',
  ),
  PROGRAM_FAILED: faulty(
    'A program of somebody else’s in a container has failed.',
    'The message has its last words; `sluice jobs logs` shows what else it said.',
  ),
  START_TIMEOUT: faulty(
    'A worker did not begin to work in the time that its launch allows.',
    'See what it said; a service that it waits for, or its image, may be at fault.',
  ),
  TABLE_NOT_FOUND: missing(
    'There is no table of that name.',
    'Check the name, or let the job make the table (`create_disposition: CREATE_IF_NEEDED`).',
  ),
  TABLE_NOT_EMPTY: refused(
    'A table that must be empty is not.',
    'Use another table, or `write_disposition: WRITE_APPEND` or `WRITE_TRUNCATE`.',
  ),
  WAREHOUSE_BUSY: unavailable(
    'Another process has been using a dataset for too long.',
    'Wait until its query or job is over, then try again.',
  ),
  WAREHOUSE_MEMORY: failed(
    'A query or a commit needs more memory than DuckDB may have.',
    'Ask for less at a time: fewer groups, narrower rows, a condition.',
  ),
  PUBSUB_NOT_FOUND: missing(
    'Pub/Sub has no topic or subscription of that name.',
    'Check the name; `sluice pubsub list` shows those there are, `sluice pubsub create` makes them.',
  ),
  PUBSUB_REFUSED: invalid(
    'Pub/Sub refuses a message, topic or subscription, or its name.',
    'Mend what the message names.',
  ),
  SQL_REFUSED: invalid(
    'A database refuses a statement that the job needs.',
    'The message has what the database says: mend the query, the statement or the table.',
  ),
  KAFKA_TOPIC_NOT_FOUND: missing('Kafka has no topic of that name.', 'Check the name, or create the topic.'),
  KAFKA_REFUSED: faulty(
    'Kafka refuses a request, or has what cannot be read.',
    'Mend what the message names.',
  ),
  BIGQUERY_REFUSED: invalid(
    'BigQuery refuses what the job asks of it.',
    'The message has what BigQuery says: mend the table, the schema or the rows.',
  ),
  SCHEMA_INVALID: invalid(
    'A schema of Avro cannot be used, or its rows have no place in the format asked for.',
    'Mend what the message names: a schema is JSON, as the Avro specification has it.',
  ),
  QUERY_INVALID: invalid(
    'A query cannot be run.',
    'Mend the SQL: it is one SELECT, in the dialect of DuckDB or, in BigQuery itself, in GoogleSQL.',
  ),
  INTERNAL: failed('Something failed that Sluice did not foresee.', 'Please report it with the message.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** One thing wrong with what the user gave, e.g. a parameter, or a place in a file. */
export interface Violation {
  /** The parameter, or `file:line:column`. */
  subject: string;
  /** What is wrong and what would be right. */
  message: string;
}

/**
 * An error meant for the user: one clear message, a documented code, and the statuses that go with it.
 * @example throw new SluiceError('INPUT_NOT_FOUND', `no file matches ${path}`)
 */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];

  constructor(code: ErrorCode, message: string, options: { violations?: Violation[]; cause?: unknown } = {}) {
    super(bounded(message), { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.violations = (options.violations ?? [])
      .slice(0, MAX_VIOLATIONS)
      .map(({ subject, message: why }) => ({
        subject: bounded(subject),
        message: bounded(why),
      }));
  }

  get exitStatus(): number {
    return errorKinds[this.code].exit;
  }
}

/** Messages quote what users sent. */
const MAX_MESSAGE = 8000;
const MAX_VIOLATIONS = 100;

const bounded = (message: string): string =>
  message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;

/** The error as a SluiceError: known faults of the system get their own code, the rest is INTERNAL. */
export function asSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new SluiceError('DISK_FULL', `disk full: ${message}`, { cause: error });
  return new SluiceError('INTERNAL', message, { cause: error });
}

/** The `code` of a Node system error (`ENOENT`, `EACCES` …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
