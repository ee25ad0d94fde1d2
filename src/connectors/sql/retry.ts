/** Which answers of a database are final, which are tried again, and which are the fault of a single row. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';

/**
 * `retry`: the same may succeed later, on a new connection and in a new transaction; `element`: the row is refused,
 * others are not; `denied`: whoever asks may not; `final`: it will never succeed.
 */
export type Verdict = 'retry' | 'element' | 'denied' | 'final';

/** By SQLSTATE of PostgreSQL, or by its first two letters; what is not here is final. */
export const postgresVerdicts: Readonly<Record<string, Verdict>> = {
  '08': 'retry', // connection exception
  '21': 'element', // cardinality violation: a row twice in one upsert
  '22': 'element', // data exception
  '23': 'element', // integrity constraint violation
  '25P03': 'retry', // idle in a transaction for too long
  '28': 'denied', // invalid authorization
  '40': 'retry', // transaction rollback: deadlock, serialization failure
  '42501': 'denied', // insufficient privilege
  '44': 'element', // a view's check option
  '53': 'retry', // insufficient resources
  '54': 'element', // program limit exceeded: the row is too large
  '55P03': 'retry', // lock not available
  '57': 'retry', // operator intervention: shutdown, starting up, canceled
  '57P04': 'final', // database dropped
  '58': 'retry', // system error
  P0: 'element', // raised by a function or a trigger
};

/** By error number of MySQL and MariaDB; what is not here is final. */
export const mysqlVerdicts: Readonly<Record<number, Verdict>> = {
  1021: 'retry', // disk full
  1037: 'retry', // out of memory
  1040: 'retry', // too many connections
  1041: 'retry', // out of memory
  1044: 'denied', // access denied to the database
  1045: 'denied', // access denied
  1048: 'element', // column cannot be null
  1053: 'retry', // shutdown in progress
  1062: 'element', // duplicate entry
  1105: 'final', // unknown
  1114: 'retry', // table is full
  1118: 'element', // row too large
  1130: 'denied', // host is not allowed
  1142: 'denied', // command denied
  1143: 'denied', // column denied
  1153: 'element', // packet too large
  1180: 'retry', // error during commit
  1203: 'retry', // too many connections of the user
  1205: 'retry', // lock wait timeout
  1213: 'retry', // deadlock
  1216: 'element', // foreign key
  1217: 'element', // foreign key
  1227: 'denied', // privilege missing
  1264: 'element', // out of range
  1265: 'element', // data truncated
  1292: 'element', // truncated incorrect value
  1317: 'retry', // interrupted
  1364: 'element', // no default value
  1366: 'element', // incorrect value
  1367: 'element', // illegal value
  1369: 'element', // a view's check option
  1406: 'element', // data too long
  1411: 'element', // incorrect value for a function
  1451: 'element', // foreign key
  1452: 'element', // foreign key
  1526: 'element', // no partition for the value
  1644: 'element', // raised by a trigger
  1690: 'element', // out of range
  1698: 'denied', // access denied
  1927: 'retry', // connection was killed
  3140: 'element', // invalid JSON
  3141: 'element', // invalid JSON
  3819: 'element', // check constraint
  3988: 'element', // text not of the character set
  4025: 'element', // constraint
};

const NETWORK = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
];

/** Waits between the attempts; one more attempt follows the last: about two minutes in all. */
export const RETRY_DELAYS_MS = [50, 100, 250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000, 60_000] as const;

/** Of them, so many at the start of a job: who mistyped an address is told soon. */
export const FIRST_ATTEMPTS = 4;

/** What the error of a database, of its client or of the network means. */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof Error) || error instanceof SluiceError) return 'final';
  const { code, errno } = error as Error & { code?: unknown; errno?: unknown };
  if (typeof code === 'string' && NETWORK.includes(code)) return 'retry';
  if (typeof code === 'string' && /CERT|SIGNATURE|^ERR_(?:TLS|SSL)/.test(code)) return 'denied';
  if (typeof errno === 'number' && errno > 0) return mysqlVerdicts[errno] ?? 'final';
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code))
    return postgresVerdicts[code] ?? postgresVerdicts[code.slice(0, 2)] ?? 'final';
  if (error.message.startsWith('SASL:')) return 'denied';
  if (code === 'HANDSHAKE_SSL_ERROR') return /certificate/i.test(error.message) ? 'denied' : 'retry';
  // What the clients say when the connection broke under them has no code.
  return /connection (?:terminated|ended|timeout|is closed|is in closed state|lost)|closed state|timeout expired|not queryable/i.test(
    error.message,
  )
    ? 'retry'
    : 'final';
}

/** Runs `work` until it succeeds, its error is not to be retried, or after so many attempts. */
export async function retrying<T>(
  work: () => Promise<T>,
  attempts: number = RETRY_DELAYS_MS.length,
  onRetry: (error: unknown, attempt: number) => void = () => {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (verdictOf(error) !== 'retry' || delayMs === undefined || attempt >= attempts) throw error;
      onRetry(error, attempt);
      // Spread, so that many workers do not come back at the same moment.
      await sleep(delayMs * (0.75 + Math.random() / 2));
    }
  }
}
