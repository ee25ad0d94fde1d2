/** Who we are to a registry, as `docker login` has kept it. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { imageNameOf } from './policy.ts';

const DOCKER_HUB = 'docker.io';
/** What Docker Hub is called where credentials are kept. */
const DOCKER_HUB_ADDRESS = 'https://index.docker.io/v1/';
const HELPER = /^[\w.-]+$/;
const HELPER_MS = 30_000;

/** As the engine takes them. */
export interface Credentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

type Registries = Record<string, { auth?: string; identitytoken?: string }>;

/** The registry that the name of an image means. @throws SluiceError IMAGE_INVALID */
export const registryOf = (name: string): string => imageNameOf(name)?.repository.split('/')[0] ?? DOCKER_HUB;

/** The credentials for the registry of an image; undefined where none are kept. */
export async function credentialsFor(name: string): Promise<Credentials | undefined> {
  const registry = registryOf(name);
  const address = registry === DOCKER_HUB ? DOCKER_HUB_ADDRESS : registry;
  const { auths = {}, credHelpers = {}, credsStore } = await settings();
  const helper = credHelpers[address] ?? credsStore;
  const kept = helper === undefined ? undefined : await askHelper(helper, address);
  return kept ?? credentialsIn(auths, address);
}

interface Settings {
  auths?: Registries;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

async function settings(): Promise<Settings> {
  const folder = process.env.DOCKER_CONFIG || join(homedir(), '.docker');
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // Nobody has signed in.
    return {};
  }
}

function credentialsIn(auths: Registries, address: string): Credentials | undefined {
  const { auth, identitytoken } = auths[address] ?? auths[`https://${address}`] ?? {};
  if (auth === undefined) return undefined;
  const pair = Buffer.from(auth, 'base64').toString();
  const colon = pair.indexOf(':');
  return {
    username: pair.slice(0, colon),
    password: pair.slice(colon + 1),
    serveraddress: address,
    ...(identitytoken !== undefined && { identitytoken }),
  };
}

/** A program that keeps credentials where the system does; one that knows none for this registry fails. */
async function askHelper(helper: string, address: string): Promise<Credentials | undefined> {
  if (!HELPER.test(helper)) return undefined;
  const child = spawn(`docker-credential-${helper}`, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: HELPER_MS,
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.stdin.end(address);
  try {
    const { Username, Secret } = JSON.parse(await text(child.stdout));
    // So a helper says that it has a token.
    return Username === '<token>'
      ? { identitytoken: Secret, serveraddress: address }
      : { username: Username, password: Secret, serveraddress: address };
  } catch {
    return undefined;
  }
}
