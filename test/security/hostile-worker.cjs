/** Comes before the worker's own program, and does in its folder what the one element of its job names. */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { dirname, join } = require('node:path');

const [, program, jobFile, index, token] = process.argv;
const isWorker = program?.endsWith('worker/main.ts');
const [, deed] = isWorker ? /"elements":\["(.*?)"\]/.exec(fs.readFileSync(jobFile, 'utf8')) : [];
if (deed && deed !== 'none') {
  const folder = join(dirname(jobFile), 'workers', index);
  const jobId = dirname(jobFile).split('/').at(-1);
  const at = name => join(folder, name);
  const victim = process.env.SLUICE_VICTIM;
  let count = 0;
  const line = (event, id = jobId) =>
    `${JSON.stringify({ at: `${id}/${index}/${token}/${count++}`, event })}\n`;
  const say = (...events) => fs.appendFileSync(at('events.ndjson'), events.map(each => line(each)).join(''));
  const sum = {
    in: 0,
    out: 0,
    filtered: 0,
    failed: 0,
    created: 0,
    merged: 0,
    late: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
  const stage = more => ({ ...sum, named: {}, errors: {}, ...more });
  const progress = value => {
    fs.writeFileSync(at('p.tmp'), typeof value === 'string' ? value : JSON.stringify(value));
    fs.renameSync(at('p.tmp'), at('progress.json'));
  };
  const counters = (name, value) =>
    progress(`{"counters":{${JSON.stringify(name)}:${JSON.stringify(value)}}}`);
  const pipe = name => execFileSync('mkfifo', [at(name)]);
  const link = name => fs.symlinkSync(victim, at(name));
  const sparse = name => {
    fs.writeFileSync(at(name), '');
    fs.truncateSync(at(name), 2 ** 40);
  };
  const message = more => ({
    type: 'message',
    severity: 'INFO',
    text: 'x',
    time: new Date().toISOString(),
    ...more,
  });
  const ended = more => ({ type: 'ended', state: 'DONE', progress: { counters: {} }, outputs: [], ...more });
  const deeds = {
    'events are a pipe': () => pipe('events.ndjson'),
    'events are a link': () => link('events.ndjson'),
    'events are a folder': () => fs.mkdirSync(at('events.ndjson')),
    'older events are a pipe': () => pipe('events.1.ndjson'),
    'events are huge': () => sparse('events.ndjson'),
    'events are one endless line': () => {
      fs.appendFileSync(at('events.ndjson'), line({ type: 'started' }).slice(0, -1));
      for (let i = 0; i < 20; i++) fs.appendFileSync(at('events.ndjson'), Buffer.alloc(1 << 20, 'x'));
    },
    'an event is nested without end': () =>
      fs.appendFileSync(
        at('events.ndjson'),
        `{"at":"${jobId}/0/x/1","event":${'['.repeat(1e5)}${']'.repeat(1e5)}}\n`,
      ),
    'an event is a list': () => say([]),
    'an event has no severity': () => say(message({ severity: 'FATAL' })),
    'the text of an event is an object': () => say(message({ text: { toString: 1 } })),
    'an end of no kind': () => say(ended({ state: 'FAILED' })),
    'outputs without end': () => say(ended({ outputs: Array(20_000).fill('/x') })),
    'outputs that are numbers': () => say(ended({ outputs: [1] })),
    'a code that every object has': () => say({ type: 'failed', code: 'constructor', message: 'x' }),
    'an end with counters as text': () => say(ended({ progress: { counters: { a: stage({ in: '1' }) } } })),
    'progress is a pipe': () => pipe('progress.json'),
    'progress is a link': () => link('progress.json'),
    'progress is a folder': () => fs.mkdirSync(at('progress.json')),
    'progress is huge': () => sparse('progress.json'),
    'progress is a number': () => progress(1),
    'counters as text': () => counters('a', stage({ out: '17' })),
    'counters beyond all numbers': () => counters('a', stage({ out: 1e308 })),
    'counters below zero': () => counters('a', stage({ filtered: -1 })),
    'counters that are missing': () => counters('a', { in: 1 }),
    'counters of the mother of objects': () => counters('__proto__', stage({ out: 1 })),
    'error codes as numbers': () => counters('a', stage({ errors: { X: 'y' } })),
    'thousands of stages': () =>
      progress({
        counters: Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`s${i}`, stage({})])),
      }),
    'thousands of error codes': () =>
      counters(
        'a',
        stage({ errors: Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`E${i}`, 1])) }),
      ),
    'a watermark beyond time': () => progress({ counters: {}, watermark: 1e300 }),
    'the checkpoint is a pipe': () => {
      pipe('checkpoint.json');
      process.exit(3);
    },
    'the checkpoint is a link': () => {
      link('checkpoint.json');
      process.exit(3);
    },
    'the words of stderr lead elsewhere': () => {
      fs.unlinkSync(at('stderr.log'));
      link('stderr.log');
      process.exit(3);
    },
    'the words of stderr are a pipe': () => {
      fs.unlinkSync(at('stderr.log'));
      pipe('stderr.log');
      process.exit(3);
    },
    'the turn leads elsewhere': () => {
      link('turn.tmp');
      process.exit(3);
    },
    'the turn is a folder': () => {
      fs.unlinkSync(at('turn'));
      fs.mkdirSync(at('turn'));
      process.exit(3);
    },
    'a flood of messages': () => {
      const texts = Array.from({ length: 14_000 }, (_, i) => message({ text: `${i}` }));
      say(...texts);
      say(ended());
    },
    'words for others': () => {
      const other = process.env.SLUICE_OTHER;
      fs.appendFileSync(at('events.ndjson'), line(message({ text: 'forged' }), other));
      fs.appendFileSync(
        at('events.ndjson'),
        `{"at":"${jobId}/0/x/9","at":"${other}/0/x/9","event":${JSON.stringify(message({ text: 'forged' }))}}\n`,
      );
      say(message({ text: 'red \u001b[31m\u0007 \u0000\u009b31m end', time: 'never', stage: 'a\u001bb' }));
      say(
        message({ text: 'of another age', time: '+275760-01-01T00:00:00Z' }),
        { type: 'unheard of' },
        ended(),
      );
    },
    'counters with names of objects': () => {
      counters('constructor', stage({ out: 2, errors: { toString: 3, valueOf: 1 } }));
      say(ended({ progress: { counters: { constructor: stage({ out: 2, errors: { toString: 3 } }) } } }));
    },
  };
  fs.mkdirSync(folder, { recursive: true });
  // As a worker does: a folder that nobody works in is started anew.
  fs.writeFileSync(
    at('pid'),
    `${process.pid} ${fs.readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')[19]}\n`,
  );
  if (!/^(older )?events are a/.test(deed)) say({ type: 'started' }, { type: 'running' });
  deeds[deed]();
  // It stays until it is killed.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
