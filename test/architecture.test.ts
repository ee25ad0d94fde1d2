/** The house rules of src/: which folder may know which, no circles, no giants, nothing that nobody uses. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** Every folder of src/, and those it may import from. Everyone may import errors.ts, config.ts and program.ts. */
const ARROWS: Record<string, string[]> = {
  cli: [
    'access',
    'api',
    'catalog',
    'cloud',
    'connectors',
    'console',
    'dlq',
    'engine',
    'flex',
    'formats',
    'jobs',
    'launch',
    'pipeline',
    'registry',
    'service',
    'store',
    'tasks',
    'udf',
    'worker',
  ],
  console: ['access', 'catalog', 'engine', 'jobs', 'launch', 'service', 'store', 'udf'],
  api: ['access', 'catalog', 'engine', 'flex', 'jobs', 'launch', 'service', 'store', 'worker'],
  service: [
    'access',
    'catalog',
    'cloud',
    'dlq',
    'engine',
    'flex',
    'jobs',
    'launch',
    'launchers',
    'registry',
    'store',
    'tasks',
    'udf',
    'worker',
  ],
  tasks: ['dlq', 'engine', 'jobs', 'launch', 'launchers', 'store', 'udf', 'worker'],
  access: ['store'],
  flex: ['catalog', 'cloud', 'launchers', 'pipeline', 'udf', 'worker'],
  launch: [
    'catalog',
    'cloud',
    'dlq',
    'engine',
    'flex',
    'jobs',
    'launchers',
    'pipeline',
    'store',
    'udf',
    'worker',
  ],
  jobs: ['engine', 'launchers', 'store', 'worker'],
  store: ['engine', 'worker'],
  launchers: ['access', 'cloud', 'engine', 'worker'],
  worker: ['dlq', 'engine', 'formats', 'pipeline', 'registry'],
  registry: ['connectors', 'engine', 'transforms'],
  catalog: ['cloud', 'engine', 'pipeline'],
  pipeline: ['engine'],
  transforms: ['cloud', 'engine', 'formats', 'udf'],
  dlq: ['cloud', 'connectors', 'engine', 'formats'],
  connectors: ['cloud', 'engine', 'formats', 'udf'],
  udf: ['cloud', 'engine'],
  formats: ['engine'],
  engine: [],
  cloud: ['formats'],
  errors: [],
  'element-errors': [],
  config: [],
  program: [],
};
const KNOWN_TO_ALL = ['errors', 'element-errors', 'config', 'program'];

/** Of a folder that may know another, only these files do. */
const ONLY: [from: string, to: string, files: RegExp][] = [
  ['connectors', 'udf', /^connectors\/elasticsearch\/functions\.ts$/],
  ['transforms', 'cloud', /^transforms\/(parse-avro|parse-csv|sql)\.ts$/],
  ['transforms', 'udf', /^transforms\/(javascript-udf|expressions\/javascript)\.ts$/],
];

/** Programs of their own; what only scripts use counts as used too. */
const ENTRIES = ['cli/main.ts', 'worker/main.ts', 'udf/child/main.ts', 'cloud/pubsub/main.ts'];
const MAX_LINES = 400;

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const files = globSync('**/*.{ts,js}', { cwd: src }).map(file => file.replaceAll('\\', '/'));
const textOf = (file: string): string => readFileSync(join(src, file), 'utf8');
const folderOf = (file: string): string => file.replace(/(?:\/.*|\.ts)$/, '');

/** The files of src/ that a file imports at its head. */
function importsOf(file: string): string[] {
  const text = textOf(file);
  return [
    ...text.matchAll(/^(?:import|export)\b[^;]*? from '(\.[^']+)'/gm),
    ...text.matchAll(/^import '(\.[^']+)'/gm),
  ]
    .map(([, path = '']) => join(dirname(file), path))
    .filter(path => !path.startsWith('..'));
}

/** The files a file imports when it runs, or starts as a program of its own, or reads. */
function laterOf(file: string): string[] {
  const text = textOf(file);
  const found = [
    ...text.matchAll(/\bimport\(\s*'(\.[^']+)'/g),
    ...text.matchAll(/new URL\(\s*['`](\.[^'`$]+)/g),
  ].map(([, path = '']) => join(dirname(file), path));
  return found.flatMap(path => [path, `${path}.ts`, `${path}.js`].filter(each => files.includes(each)));
}

const allOf = (file: string): string[] => [...importsOf(file), ...laterOf(file)];

test('every folder of src/ is in the table of arrows, and the arrows make no circle', () => {
  assert.deepEqual(
    [...new Set(files.map(folderOf))].filter(folder => !ARROWS[folder]),
    [],
  );
  const rank = (folder: string, above: string[]): void => {
    assert.ok(!above.includes(folder), `a circle: ${[...above, folder].join(' -> ')}`);
    for (const each of ARROWS[folder] ?? []) rank(each, [...above, folder]);
  };
  for (const folder of Object.keys(ARROWS)) rank(folder, []);
});

test('imports run along the arrows', () => {
  const wrong = files.flatMap(file => {
    const from = folderOf(file);
    const allowed = [from, ...KNOWN_TO_ALL, ...(ARROWS[from] ?? [])];
    return allOf(file)
      .filter(path => !allowed.includes(folderOf(path)))
      .map(path => `${file} -> ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test('an arrow meant for one file is used by that file only', () => {
  const wrong = files.flatMap(file =>
    ONLY.filter(([from, , only]) => folderOf(file) === from && !only.test(file)).flatMap(([, to]) =>
      allOf(file)
        .filter(path => folderOf(path) === to)
        .map(path => `${file} -> ${path}`),
    ),
  );
  assert.deepEqual(wrong, []);
});

/** What the connectors share that speak HTTP, and no connector itself. */
const SHARED = 'http';

test('connectors do not know one another', () => {
  const connectorOf = (file: string): string | undefined => /^connectors\/([^/]+)\//.exec(file)?.[1];
  const wrong = files.flatMap(file =>
    allOf(file)
      .filter(path => connectorOf(file) && connectorOf(path) && connectorOf(file) !== connectorOf(path))
      .filter(path => connectorOf(path) !== SHARED)
      .map(path => `${file} -> ${path}`),
  );
  assert.deepEqual(wrong, []);
});

test('files import one another in no circle', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || done.has(file)) return;
    for (const next of importsOf(file)) if (files.includes(next)) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

test('every file of src/ is reached from a program', () => {
  const scripts = globSync('{scripts,bench}/**/*.ts', { cwd: root }).flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(/'((?:\.\.\/)+src\/[^']+)'/g)].map(([, path = '']) =>
      path.replace(/^(?:\.\.\/)+src\//, ''),
    );
  });
  const pages = globSync('console/{views,assets}/**/*.{hbs,js}', { cwd: src }).flatMap(file =>
    // Scripts of pages are named by the view that loads them, or by another script.
    [...textOf(file).matchAll(/["'](?:\{\{assets\}\}|\.)\/([\w-]+\.js)["']/g)].map(
      ([, name]) => `console/assets/${name}`,
    ),
  );
  const reached = new Set<string>();
  const waiting = [...ENTRIES, ...scripts, ...pages].filter(file => files.includes(file));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    waiting.push(...allOf(file).filter(each => files.includes(each)));
  }
  assert.deepEqual(
    files.filter(file => !reached.has(file)),
    [],
  );
});

test('what is imported exists', () => {
  const missing = files.flatMap(file => importsOf(file).filter(path => !existsSync(join(src, path))));
  assert.deepEqual(missing, []);
});

test(`no file of src/ has more than ${MAX_LINES} lines`, () => {
  const long = files.filter(file => textOf(file).split('\n').length > MAX_LINES);
  assert.deepEqual(long, []);
});
