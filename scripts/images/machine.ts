/** Images made from this machine's own files, for where no registry is reachable. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { buildImage, isBuilt, type Tell } from './build.ts';
import { type ContextEntry, entriesOf } from './context.ts';

const run = promisify(execFile);

/** Who runs in our images: the number that images without a root use for their only user. */
const PASSWD = `root:x:0:0:root:/root:/bin/sh
sluice:x:65532:65532:Sluice:/tmp:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;
const GROUP = 'root:x:0:\nsluice:x:65532:\nnogroup:x:65534:\n';
const DOCKERFILE = `FROM scratch
COPY rootfs/ /
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
CMD ["/bin/sh"]
`;

/** What packages with native parts need of the C library beside what Node itself does. */
const LIBRARIES = ['librt.so.1', 'libresolv.so.2'];

/** An image with this Node, a shell, certificates and time zones. Needs `busybox-static` of Debian. */
export async function buildNodeBase(docker: Docker, tag: string, tell?: Tell): Promise<void> {
  const state = await stateWith(process.version);
  if (await isBuilt(docker, tag, state)) return;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-base-'));
  try {
    const node = join(folder, 'node');
    // With its symbols for debuggers it is a third bigger.
    await run('strip', ['-o', node, process.execPath]).catch(() => run('cp', [process.execPath, node]));
    const rootfs = [
      ...(await system()),
      ...(await libraries([process.execPath])),
      ...(await libraries(await extraLibraries())),
      { name: '/usr/local/bin/node', path: node },
    ];
    await buildRoot(docker, { tag, rootfs, state }, tell);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An image with this machine's Python and its standard library, and a shell. */
export async function buildPythonBase(docker: Docker, tag: string, tell?: Tell): Promise<void> {
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  const said = await run(python, [
    '-c',
    'import os, sys, sysconfig; print(os.path.realpath(sys.executable), sysconfig.get_path("stdlib"))',
  ]);
  const state = await stateWith(said.stdout);
  if (await isBuilt(docker, tag, state)) return;
  const [program = '', library = ''] = said.stdout.trim().split(' ');
  const files = (await entriesOf(library, library)).filter(
    ({ name }) => !UNUSED.test(name.slice(library.length)),
  );
  const native = files.flatMap(entry => ('path' in entry && entry.path.endsWith('.so') ? entry.path : []));
  const rootfs = [
    ...(await system()),
    ...(await libraries([program, ...native])),
    { name: program, path: program },
    { name: '/usr/local/bin/python3', link: program },
    ...files,
  ];
  await buildRoot(docker, { tag, rootfs, state }, tell);
}

/** Parts of Python's library that are for those who build and test Python itself, or have a screen. */
const UNUSED =
  /\/(?:test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data|__pycache__|config-[^/]*|dist-packages|site-packages)\//;

/** What an image depends on: its main program, and how we make it. */
async function stateWith(program: string): Promise<string> {
  const hash = createHash('sha256').update(program);
  for (const file of ['machine.ts', 'context.ts'])
    hash.update(await readFile(join(import.meta.dirname, file)));
  return hash.digest('hex');
}

async function buildRoot(
  docker: Docker,
  { tag, rootfs, state }: { tag: string; rootfs: ContextEntry[]; state: string },
  tell?: Tell,
): Promise<void> {
  const unique = new Map(rootfs.map(entry => [entry.name, { ...entry, name: `rootfs${entry.name}` }]));
  const context = [{ name: 'Dockerfile', text: DOCKERFILE }, ...unique.values()];
  await buildImage(docker, { tag, state, context }, tell);
}

/** What every program expects to find. */
async function system(): Promise<ContextEntry[]> {
  const busybox = '/bin/busybox';
  if (!existsSync(busybox))
    throw new Error('a base from this machine needs busybox: apt-get install busybox-static');
  const { stdout } = await run(busybox, ['--list']);
  const zones = existsSync(ZONES) ? await entriesOf(ZONES, ZONES) : [];
  return [
    ...['/etc', '/root', '/var', '/run', '/proc', '/sys', '/dev'].map(name => folder(name, 0o755)),
    folder('/tmp', 0o1777),
    { name: busybox, path: busybox },
    ...stdout
      .split('\n')
      .flatMap(name => (name && name !== 'busybox' ? { name: `/bin/${name}`, link: 'busybox' } : [])),
    { name: '/etc/passwd', text: PASSWD },
    { name: '/etc/group', text: GROUP },
    { name: '/etc/nsswitch.conf', text: 'hosts: files dns\n' },
    ...(await entriesOf(CERTIFICATES, CERTIFICATES)),
    // Other forms of the same zones.
    ...zones.filter(({ name }) => !/^\/usr\/share\/zoneinfo\/(?:posix|right)\//.test(name)),
  ];
}

const ZONES = '/usr/share/zoneinfo';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

const folder = (name: string, mode: number): ContextEntry => ({ name, isFolder: true, mode });

/** The libraries that these files are linked with, where the linker of the image will look for them. */
async function libraries(files: string[]): Promise<ContextEntry[]> {
  const { stdout } = await run('ldd', files);
  const paths = stdout.matchAll(/(\/\S+) \(0x/g);
  return [...new Set([...paths].map(([, path = '']) => path))].map(path => ({ name: path, path }));
}

async function extraLibraries(): Promise<string[]> {
  const { stdout } = await run('/sbin/ldconfig', ['-p']);
  return LIBRARIES.flatMap(name => new RegExp(`${name} .*=> (\\S+)`).exec(stdout)?.[1] ?? []);
}
