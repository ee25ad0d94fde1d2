// The page of a function: an editor over its text field, a run at every pause in typing, and text that is not lost.
import { createEditor } from './editor-bundle.js';

/** So long nobody types before the script runs. */
const PAUSE_MS = 400;

const form = document.getElementById('function');
const { source, samples, name } = form.elements;
const called = document.getElementById('called');
const cases = document.getElementById('cases-text');
const results = document.getElementById('results');
const unsaved = document.getElementById('unsaved');
const mayRun = 'mayRun' in form.dataset;
const key = `sluice function ${form.dataset.key}`;
// What the server refused to save is nowhere else.
const saved = 'draft' in form.dataset ? undefined : source.value;
/** The request of each part of the page. */
const underWay = new Map();
/** What is beside the script stays as it was when that is saved. */
const carried = `sluice beside ${name.value}`;
let isLeaving = false;
let pause;

const host = document.createElement('div');
host.className = 'editor';
source.after(host);
const editor = createEditor({
  host,
  text: source.value,
  label: document.getElementById('source-label').textContent,
  isReadOnly: source.readOnly,
  keys: [
    { key: 'Mod-s', preventDefault: true, run: () => press('save') },
    { key: 'Mod-Enter', preventDefault: true, run: () => press('run') },
  ],
  onChange() {
    source.value = editor.text();
    keep();
    runSoon();
  },
});
source.hidden = true;
document.getElementById('keys').hidden = false;

const kept = sessionStorage.getItem(key);
if (kept !== null && kept !== source.value && mayRun) {
  editor.setText(kept);
  unsaved.hidden = false;
} else keep();

document.getElementById('discard').addEventListener('click', () => {
  if (saved === undefined) location.assign(form.getAttribute('action'));
  else editor.setText(saved);
  unsaved.hidden = true;
});

function isUnsaved() {
  return mayRun && editor.text() !== saved;
}

function keep() {
  if (isUnsaved()) store(key, editor.text());
  else sessionStorage.removeItem(key);
}

function store(where, text) {
  try {
    sessionStorage.setItem(where, text);
  } catch {
    // There is no room for it: the browser asks before the page is left all the same.
    sessionStorage.removeItem(where);
  }
}

function carry() {
  const beside = { samples: samples.value, called: called.value, cases: cases?.value };
  store(`sluice beside ${name.value}`, JSON.stringify(beside));
}

function takeCarried() {
  const text = sessionStorage.getItem(carried);
  if (text === null) return;
  sessionStorage.removeItem(carried);
  const beside = JSON.parse(text);
  samples.value = beside.samples;
  if ([...called.options].some(({ value }) => value === beside.called)) called.value = beside.called;
  if (cases && beside.cases) cases.value = beside.cases;
}

addEventListener('beforeunload', event => {
  if (isUnsaved() && !isLeaving) event.preventDefault();
});

function press(action) {
  if (mayRun) form.requestSubmit(form.querySelector(`button[value="${action}"]`));
  return true;
}

form.addEventListener('submit', event => {
  const { value } = event.submitter ?? {};
  if (value === 'run') run();
  else if (value?.endsWith('-cases')) showAnswer(value, document.getElementById('cases-results'));
  else {
    isLeaving = true;
    carry();
    sessionStorage.removeItem(key);
    return;
  }
  event.preventDefault();
});

function runSoon() {
  clearTimeout(pause);
  if (mayRun) pause = setTimeout(run, PAUSE_MS);
}
samples.addEventListener('input', runSoon);
called.addEventListener('change', runSoon);
form.elements.module.addEventListener('change', runSoon);
takeCarried();
runSoon();

async function run() {
  clearTimeout(pause);
  if (!(await showAnswer('run', results))) return;
  const { functions = '', function: name = '' } = results.firstElementChild?.dataset ?? {};
  offer(functions === '' ? [] : functions.split(', '), name);
  editor.mark(
    [...results.querySelectorAll('[data-line]')].map(({ dataset }) => ({
      line: Number(dataset.line),
      column: Number(dataset.column),
      message: dataset.message,
    })),
  );
}

/** The functions that the script has now. */
function offer(names, name) {
  const all = name === '' || names.includes(name) ? names : [name, ...names];
  const before = [...called.options].map(({ value }) => value);
  if (all.length > 0 && before.join() !== all.join())
    called.replaceChildren(...all.map(each => new Option(each, each)));
  if (name !== '') called.value = name;
}

/** One request at a time for each part: who asks anew gives up the one before, and with it what the server does. */
async function showAnswer(action, part) {
  underWay.get(part)?.abort();
  const current = new AbortController();
  underWay.set(part, current);
  part.setAttribute('aria-busy', 'true');
  const body = new URLSearchParams(new FormData(form));
  body.set('action', action);
  try {
    const { headers, text } = await answerTo(body, current.signal);
    const elsewhere = headers.get('hx-redirect');
    if (elsewhere) location.assign(elsewhere);
    else if (part.innerHTML !== text) part.innerHTML = text;
    return true;
  } catch (error) {
    if (error.name !== 'AbortError')
      part.textContent = 'The server cannot be reached; the next pause tries again.';
    return false;
  } finally {
    if (underWay.get(part) === current) part.removeAttribute('aria-busy');
  }
}

async function answerTo(body, signal) {
  const request = { method: 'POST', body, signal, headers: { 'hx-request': 'true' } };
  const response = await fetch(form.getAttribute('action'), request);
  return { headers: response.headers, text: await response.text() };
}
