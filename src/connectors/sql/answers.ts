/** What databases answer, in words. */

const MAX_LENGTH = 4000;

/** What a database said, with its detail and its own code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno, sqlState, detail, errors } = error as Error & Record<string, unknown>;
  // Of several addresses of a host, each has failed.
  const [first] = Array.isArray(errors) ? errors : [];
  if (error.message === '' && first instanceof Error) return messageOf(first);
  const more = typeof detail === 'string' && detail !== '' ? ` (${detail})` : '';
  // The client's names for the numbers are those of MySQL, and not of MariaDB.
  const own = sqlState === undefined ? code : errno;
  const isTold = own === undefined || error.message.includes(String(own));
  return `${error.message}${more}${isTold ? '' : ` [${own}]`}`.slice(0, MAX_LENGTH);
}
