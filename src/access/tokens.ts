/** The tokens of the API: shown once, when they are made; only their hash is kept. */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { SluiceError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Caller, Role } from './roles.ts';

export interface TokenEntry {
  name: string;
  role: Role;
  /** RFC 3339. */
  created: string;
  /** RFC 3339, to the minute; absent when it was never used. */
  lastUsed?: string;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;
const TOKEN = /^slc_[\w-]{43}$/;
/** Noting each use would be a write for each request. */
const NOTE_USE_MS = 60_000;

export type Tokens = ReturnType<typeof tokensIn>;

export function tokensIn({ database }: Pick<Store, 'database'>) {
  const insertion = database.prepare(
    'INSERT OR IGNORE INTO tokens (id, name, role, hash, created) VALUES (?, ?, ?, ?, ?)',
  );
  const byHash = database.prepare('SELECT id, name, role, hash, last_used FROM tokens WHERE hash = ?');
  const anyOne = database.prepare('SELECT 1 FROM tokens LIMIT 1');
  const use = database.prepare('UPDATE tokens SET last_used = ? WHERE id = ?');

  /** Makes a token and gives it: it cannot be shown again. @throws SluiceError REQUEST_INVALID */
  const create = (name: string, role: Role): string => {
    if (!NAME.test(name))
      throw new SluiceError(
        'REQUEST_INVALID',
        `"${name}" cannot name a token: 1 to 63 letters, digits, ".", "_" or "-"`,
      );
    const token = `slc_${randomBytes(32).toString('base64url')}`;
    const { changes } = insertion.run(randomUUID(), name, role, hashOf(token), Date.now());
    if (changes === 0)
      throw new SluiceError('REQUEST_INVALID', `there is already a token named ${name}: revoke it first`);
    return token;
  };

  const list = (): TokenEntry[] =>
    database
      .prepare('SELECT name, role, created, last_used FROM tokens ORDER BY name')
      .all()
      .map(({ name, role, created, last_used }) => ({
        name: String(name),
        role: role as Role,
        created: timeOf(created),
        ...(last_used !== null && { lastUsed: timeOf(last_used) }),
      }));

  /** @throws SluiceError TOKEN_NOT_FOUND */
  const revoke = (name: string): void => {
    const { changes } = database.prepare('DELETE FROM tokens WHERE name = ?').run(name);
    if (changes === 0) throw new SluiceError('TOKEN_NOT_FOUND', `there is no token named ${name}`);
  };

  /** Whose token it is; undefined when nobody's. */
  const callerOf = (token: string): Caller | undefined => {
    if (!TOKEN.test(token)) return undefined;
    const hash = hashOf(token);
    const row = byHash.get(hash);
    if (!row || !timingSafeEqual(hash, row.hash as Uint8Array)) return undefined;
    const now = Date.now();
    if (now - Number(row.last_used) > NOTE_USE_MS) use.run(now, row.id as string);
    return { name: String(row.name), role: row.role as Role };
  };

  return { create, list, revoke, callerOf, exist: () => anyOne.get() !== undefined };
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

const timeOf = (value: unknown): string => new Date(Number(value)).toISOString();
