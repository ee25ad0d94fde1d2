/** Making and revoking tokens, noted in the audit log. */
import type { Store } from '../store/store.ts';
import { audit } from './audit.ts';
import type { Caller, Role } from './roles.ts';
import { tokensIn } from './tokens.ts';

interface Home {
  store: Pick<Store, 'database'>;
}

/** Gives the token, this once. @throws SluiceError REQUEST_INVALID */
export function grantToken(home: Home, caller: Pick<Caller, 'name'>, name: string, role: Role): string {
  const token = tokensIn(home.store).create(name, role);
  audit(home, caller, 'token.create', name, { role });
  return token;
}

/** @throws SluiceError TOKEN_NOT_FOUND */
export function withdrawToken(home: Home, caller: Pick<Caller, 'name'>, name: string): void {
  tokensIn(home.store).revoke(name);
  audit(home, caller, 'token.revoke', name);
}
