/** Sessions of browsers: begun with a token, kept as a hash, ended by logging out, by time, or with their token. */
import { createHash, randomBytes } from 'node:crypto';
import type { Store } from '../store/store.ts';
import type { Caller, Role } from './roles.ts';

/** A working day. */
export const SESSION_MS = 12 * 3_600_000;

const ID = /^[\w-]{43}$/;

export type Sessions = ReturnType<typeof sessionsIn>;

export function sessionsIn({ database }: Pick<Store, 'database'>) {
  const insertion = database.prepare(
    'INSERT INTO sessions (hash, token, expires) SELECT ?, id, ? FROM tokens WHERE name = ?',
  );
  const byHash = database.prepare(
    'SELECT name, role FROM sessions JOIN tokens ON tokens.id = token WHERE sessions.hash = ? AND expires > ?',
  );
  const removal = database.prepare('DELETE FROM sessions WHERE hash = ? OR expires <= ?');
  return {
    /** Begins a session of the token of this name, and gives its id for the cookie. */
    begin(tokenName: string): string {
      const id = randomBytes(32).toString('base64url');
      insertion.run(hashOf(id), Date.now() + SESSION_MS, tokenName);
      return id;
    },
    /** Whose session it is; undefined when it is none, is over, or its token was revoked. */
    callerOf(id: string): Caller | undefined {
      const row = ID.test(id) ? byHash.get(hashOf(id), Date.now()) : undefined;
      return row && { name: String(row.name), role: row.role as Role };
    },
    /** Ends it, and forgets those that are over. */
    end: (id: string): void => void removal.run(hashOf(id), Date.now()),
  };
}

const hashOf = (id: string): Buffer => createHash('sha256').update(id).digest();
