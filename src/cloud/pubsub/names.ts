/** Names of Pub/Sub's resources: `projects/P/topics/T` and `projects/P/subscriptions/S`. */

export type ResourceKind = 'topics' | 'subscriptions';

/** The project that short names stand in. */
export const LOCAL_PROJECT = 'projects/local';

/** Lists what the embedded service has in all projects. */
export const ALL_PROJECTS = 'projects/-';

const PROJECT = /^projects\/[A-Za-z0-9][A-Za-z0-9.:_-]*$/;
const ID = /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;

/** Why `name` is not one of this kind, or undefined when it is. */
export function nameFault(kind: ResourceKind, name: string): string | undefined {
  const form = `projects/PROJECT/${kind}/ID`;
  const at = name.indexOf(`/${kind}/`);
  if (at < 0 || !PROJECT.test(name.slice(0, at))) return `'${name}' is not of the form ${form}`;
  return idFault(kind, name);
}

/** Why the ID at the end of `name` is none, where the rest of it is as it should be. */
export function idFault(kind: ResourceKind, name: string): string | undefined {
  const marker = `/${kind}/`;
  const at = name.indexOf(marker);
  if (at < 0 || !PROJECT.test(name.slice(0, at)) || ID.test(name.slice(at + marker.length))) return undefined;
  return `the ID in '${name}' must have 3 to 255 letters, digits or -._~+%, begin with a letter and not with 'goog'`;
}

export const isProject = (name: string): boolean => PROJECT.test(name);

/** The full name for a short one: `orders` is `projects/local/topics/orders`. */
export function fullName(kind: ResourceKind, name: string): string {
  return name.includes('/') ? name : `${LOCAL_PROJECT}/${kind}/${name}`;
}

/** The shortest name that means the same. */
export const shortName = (name: string): string => name.replace(/^projects\/local\/\w+\//, '');
