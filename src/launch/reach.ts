/** What of this machine, and beyond it, the containers of a job are given: what its pipeline names, and nothing else. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject } from '../cloud/objects/locate.ts';
import { isWithin, realPath } from '../cloud/roots.ts';
import { localPath } from '../cloud/storage.ts';
import { datasetFile, parseTableName, warehouseDirectory } from '../cloud/warehouse/names.ts';
import { type Config, jobDirectory } from '../config.ts';
import type { Reach } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { containerOwner, mayUse } from '../launchers/docker/owner.ts';
import { ownFolder } from '../udf/library-path.ts';
import type { ContainerAccess, ContainerMount, JobContainer } from '../worker/container.ts';

export type JobReach = Required<Pick<JobContainer, 'network' | 'mounts' | 'access'>>;

/** @throws SluiceError PATH_FORBIDDEN, INPUT_NOT_FOUND, INPUT_UNREADABLE, OUTPUT_UNWRITABLE */
export function reachOf(all: readonly Reach[], jobId: string, config: Config): JobReach {
  const mounts: ContainerMount[] = [];
  const access = new Set<ContainerAccess>();
  let isConnected = false;

  const connect = (account?: ContainerAccess) => {
    isConnected = true;
    if (account !== undefined) access.add(account);
  };
  const addPath = (path: string, isWritable: boolean) => {
    if (isObject(path, config)) return connect(path.startsWith('s3:') ? 'aws' : googleOf(config));
    const mount = path.startsWith('udf://')
      ? mountOfFunction(path, config)
      : isWritable
        ? writtenMount(path, jobId, config)
        : readMount(path, config);
    if (mount) mounts.push(mount);
  };
  for (const { reads = [], writes = [], tables = [], queries = [], topics, network } of all) {
    for (const path of given(reads)) addPath(path, false);
    for (const path of writes) addPath(path, true);
    if (given([...tables, ...queries]).length > 0 && hasBigQuery(config)) connect(googleOf(config));
    else {
      for (const table of given(tables)) mounts.push(named(projectOf(table, config), true));
      for (const query of given(queries))
        for (const folder of projectsIn(query, config)) mounts.push(named(folder, true));
    }
    if (topics && hasPubsub(config)) connect(googleOf(config));
    else if (topics) access.add('pubsub');
    if (network) connect();
  }
  return {
    network: isConnected ? 'jobs' : 'none',
    mounts: withoutNested(mounts),
    access: [...access].sort(),
  };
}

const given = (texts: readonly (string | undefined)[]): string[] =>
  texts.filter(text => text !== undefined && text !== '') as string[];

const googleOf = ({ googleCredentials }: Config): ContainerAccess | undefined =>
  googleCredentials === undefined ? undefined : 'google';

const hasBigQuery = ({ bigqueryHost, googleCredentials }: Config): boolean =>
  bigqueryHost !== undefined || googleCredentials !== undefined;

const hasPubsub = ({ pubsubHost, googleCredentials }: Config): boolean =>
  pubsubHost !== undefined || googleCredentials !== undefined;

/** The samples are in every image; what the user has uploaded is here. */
function mountOfFunction(path: string, config: Config): ContainerMount | undefined {
  const [name = ''] = path.slice('udf://'.length).split('@');
  const folder = join(ownFolder(config), name);
  return existsSync(folder) ? named(folder, false) : undefined;
}

/** What makes a pattern of a path: the folders before it are named outright. */
const SPECIAL = /[*?[\]{}]|[!+@]\(/;

function readMount(path: string, config: Config): ContainerMount {
  const local = localPath(path, config).replace(/(?<=.)\/$/, '');
  const special = local.search(SPECIAL);
  const place = existsSync(local) || special < 0 ? local : dirname(`${local.slice(0, special)}x`);
  if (!existsSync(place))
    throw new SluiceError('INPUT_NOT_FOUND', `no file matches ${path}: there is no ${place}`);
  requireMountable(place, path, config);
  if (!mayUse(place, 'read')) throw unusable('INPUT_UNREADABLE', place, 'read');
  return named(place, false);
}

function writtenMount(path: string, jobId: string, config: Config): ContainerMount {
  // What a template puts into the folder of its job is no path that a user has given.
  const isOwn = path.startsWith(`${jobDirectory(config, jobId)}/`);
  const local = (isOwn ? path : localPath(path, config)).replace(/(?<=.)\/$/, '');
  if (isOwn) return named(local, true);
  requireMountable(local, path, config);
  if (existsSync(local) && !isWithin(config.home, realPath(local) ?? local) && !mayUse(local, 'write'))
    throw unusable('OUTPUT_UNWRITABLE', local, 'written');
  return named(local, true);
}

function unusable(code: 'INPUT_UNREADABLE' | 'OUTPUT_UNWRITABLE', path: string, how: string): SluiceError {
  const { uid, gid } = containerOwner();
  const remedy = how === 'read' ? `let it be read by all` : `\`chown ${uid}:${gid} ${path}\``;
  return new SluiceError(
    code,
    `${path} cannot be ${how} by the user that containers run as, ${uid}:${gid}: ${remedy}, or name another folder`,
  );
}

/** Folders of the image that nothing may hide, and those that hold everything. */
const OWN = new Set(
  '/ /bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /run /sbin /srv /sys /tmp /usr /var /var/run'.split(
    ' ',
  ),
);
const OWN_TREES = ['/proc', '/sys', '/dev', '/run/secrets', '/run/pubsub', '/sluice', '/template', '/state'];

/** Refuses to mount what would give a container more than was meant. */
function requireMountable(path: string, shown: string, config: Config): void {
  const real = realPath(path);
  if (real === undefined) throw new SluiceError('PATH_FORBIDDEN', `${shown} is a link that leads nowhere`);
  const why = [path, real].some(each => OWN.has(each) || OWN_TREES.some(tree => isWithin(tree, each)))
    ? `${real} is a folder that a container has of its own`
    : isWithin(real, realPath(config.home) ?? config.home)
      ? `${real} holds the folder of Sluice itself`
      : undefined;
  if (why !== undefined)
    throw new SluiceError(
      'PATH_FORBIDDEN',
      `${shown} cannot be given to a container: ${why}; name a folder below it`,
    );
}

/** A database is written to beside itself as well, so that the folder is needed. */
const projectOf = (table: string, config: Config): string =>
  dirname(datasetFile(parseTableName(table), config));

/** Those of all datasets that a query has the name of somewhere: which of them are tables only an engine can tell. */
function projectsIn(query: string, config: Config): string[] {
  const words = new Set(query.match(/\w+/g));
  const directory = warehouseDirectory(config);
  const projects = existsSync(directory) ? readdirSync(directory) : [];
  return projects
    .map(project => join(directory, project))
    .filter(folder =>
      readdirSync(folder).some(
        file => file.endsWith('.duckdb') && words.has(file.slice(0, -'.duckdb'.length)),
      ),
    );
}

/** A place by its real path and, where links lead to it, the path by which it is known. */
function named(place: string, isWritable: boolean): ContainerMount {
  const path = realPath(place) ?? place;
  return { path, ...(path !== place && { at: place }), isWritable };
}

/** Without what lies in another one that gives as much. */
function withoutNested(mounts: readonly ContainerMount[]): ContainerMount[] {
  const kept: ContainerMount[] = [];
  const sorted = mounts.toSorted(
    (a, b) => placeOf(a).length - placeOf(b).length || Number(b.isWritable) - Number(a.isWritable),
  );
  for (const mount of sorted) {
    const around = kept.findLast(each => isBelow(mount, each));
    if (!around || (mount.isWritable && !around.isWritable)) kept.push(mount);
  }
  return kept;
}

const placeOf = ({ path, at = path }: ContainerMount): string => at;

/** By the paths in the container; what links lead to elsewhere is not in the other one. */
function isBelow(mount: ContainerMount, other: ContainerMount): boolean {
  const rest = placeOf(mount).slice(placeOf(other).length);
  const isPrefix = placeOf(mount).startsWith(placeOf(other)) && (rest === '' || rest.startsWith('/'));
  return isPrefix && mount.path === other.path + rest;
}
