/** Who calls, and what they may: each role may do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;

/** viewer: look; operator: launch, stop, upload, replay; admin: tokens and settings. */
export type Role = (typeof roles)[number];

export interface Caller {
  /** The name of the token, or `local` where none is asked for. */
  name: string;
  role: Role;
}

/** The user of this machine, who needs no token. */
export const local: Caller = { name: 'local', role: 'admin' };

export const mayAct = (caller: Caller, role: Role): boolean =>
  roles.indexOf(caller.role) >= roles.indexOf(role);
