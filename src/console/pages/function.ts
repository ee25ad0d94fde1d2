/** One function: its script in an editor beside what it does to samples, and what it is tested by. */
import { type ErrorCode, SluiceError } from '../../errors.ts';
import { showLetters } from '../../service/letters.ts';
import type { Service } from '../../service/service.ts';
import {
  runUdf,
  type ShownUdf,
  showUdf,
  showVersion,
  testScript,
  uploadCases,
  uploadUdf,
  usesOfUdfs,
} from '../../service/udfs.ts';
import { casesOf } from '../../udf/cases.ts';
import {
  casesModel,
  faultModel,
  functionsIn,
  likelyFunction,
  MAX_SAMPLES,
  runModel,
  samplesIn,
} from '../function-model.ts';
import { json } from '../helpers.ts';
import type { Page, PageAnswer, PageRequest } from '../page.ts';
import { EXAMPLE } from './functions.ts';

const common = { section: 'functions' } as const;

export const newFunction: Page = {
  ...common,
  method: 'get',
  path: '/new-function',
  role: 'viewer',
  answer: () => shown(undefined, draftOf({ source: EXAMPLE, samples: SAMPLES }), {}),
};

export const functionPage: Page = {
  ...common,
  method: 'get',
  path: '/functions/:name',
  role: 'viewer',
  async answer({ path: { name = '' }, query, signal }, service) {
    const { version } = query;
    const udf = showUdf(service.config, name);
    const { source, module } = version ? showVersion(service.config, name, version) : udf;
    const draft = draftOf({
      name,
      source,
      module,
      function: udf.cases?.function,
      samples: (await letterIn(service, query, signal)) ?? samplesOf(udf),
      cases: udf.cases ? json(udf.cases) : '',
    });
    return shown(onPage(service, udf, version), draft, {});
  },
};

export const newFunctionAnswer: Page = {
  ...common,
  method: 'post',
  path: '/new-function',
  role: 'operator',
  answer: (request, service) => answered(request, service, undefined),
};

export const functionAnswer: Page = {
  ...common,
  method: 'post',
  path: '/functions/:name',
  role: 'operator',
  answer: (request, service) =>
    answered(request, service, onPage(service, showUdf(service.config, request.path.name ?? ''))),
};

/** What a browser sends: everything that is in the form. */
interface Draft {
  name: string;
  source: string;
  module: boolean;
  function: string;
  functions: string[];
  samples: string;
  cases: string;
}

interface Outcome {
  run?: ReturnType<typeof runModel>;
  tested?: ReturnType<typeof casesModel>;
  /** So many cases were saved. */
  savedCases?: number;
  /** The action that was refused, and … */
  of?: string;
  /** … why the script, the samples or the cases cannot be used. */
  fault?: ReturnType<typeof faultModel>;
}

/** The function as it is in the library. */
type OnPage = ReturnType<typeof onPage>;

const onPage = (service: Service, udf: ShownUdf, asked?: string) => ({
  ...udf,
  version: asked ?? udf.version,
  isOld: asked !== undefined && asked !== udf.version,
  latest: udf.version,
  isSample: udf.origin === 'sample',
  uses: (usesOfUdfs(service).get(udf.name) ?? []).slice(0, MAX_USES),
});

const MAX_USES = 20;
const MAX_SAMPLE_CASES = 20;
const SAMPLES = `{"id": 1, "amount": 5}
{"id": 2, "amount": 500}
not JSON
`;

/** The payload of a dead letter, to find out what it fails at. */
async function letterIn(
  service: Service,
  { job, letter }: PageRequest['query'],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!job || !letter) return undefined;
  const [{ payload } = {}] = await showLetters(service, job, { id: letter, limit: 1 }, signal);
  return payload === undefined ? undefined : asSamples([payload]);
}

/** As `samplesIn` reads them. */
const asSamples = (elements: readonly string[]): string =>
  elements.some(each => each.trim() === '' || /[\r\n]|^\s*\[/.test(each))
    ? JSON.stringify(elements, undefined, 2)
    : elements.join('\n');

/** What its cases put in. */
const samplesOf = ({ cases }: ShownUdf): string =>
  cases
    ? asSamples(
        cases.cases
          .slice(0, MAX_SAMPLE_CASES)
          .map(({ input }) => (typeof input === 'string' ? input : JSON.stringify(input))),
      )
    : SAMPLES;

function draftOf(given: Partial<Draft>): Draft {
  const { name = '', source = '', module = false, samples = '', cases = '' } = given;
  const functions = functionsIn(source);
  const chosen = chosenFunction(given.function, functions, source) ?? likelyFunction(functions, name);
  return { name, source, module, function: chosen, functions, samples, cases };
}

/** The one that was asked for, unless the script has lost it. */
const chosenFunction = (asked = '', functions: readonly string[], source: string): string | undefined =>
  asked !== '' && (functions.includes(asked) || source.split(/[^\w$]+/).includes(asked)) ? asked : undefined;

async function answered(
  { form, isFragment, caller, signal }: PageRequest,
  service: Service,
  udf: OnPage | undefined,
): Promise<PageAnswer> {
  const draft = draftOf({
    name: (form.name ?? '').trim(),
    // Browsers send every end of a line as two characters.
    source: (form.source ?? '').replaceAll('\r\n', '\n'),
    module: form.module === 'true',
    function: form.function,
    samples: form.samples,
    cases: form.cases,
  });
  const { action = 'run' } = form;
  const part = partOf(action);
  try {
    const outcome = await act(action, { draft, udf, service, caller, signal });
    if ('redirect' in outcome) return outcome;
    return isFragment ? { view: part, model: { ...outcome, ...draft } } : shown(udf, draft, outcome);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || !OF_THE_FORM.has(thrown.code)) throw thrown;
    const outcome = { fault: faultModel(thrown), of: action };
    return isFragment ? { view: part, model: { ...outcome, ...draft } } : shown(udf, draft, outcome, 400);
  }
}

const partOf = (action: string): string => (/cases$/.test(action) ? 'function-cases' : 'function-run');

/** What whoever fills in the form can mend, or try again. */
const OF_THE_FORM: ReadonlySet<ErrorCode> = new Set([
  'USAGE',
  'REQUEST_INVALID',
  'REQUEST_TOO_LARGE',
  'TASK_TIMEOUT',
  'TASK_TOO_LARGE',
  'TOO_MANY_REQUESTS',
  'UDF_NOT_FOUND',
  'UDF_SYNTAX',
  'UDF_LOAD_FAILED',
  'UDF_FUNCTION_MISSING',
]);

interface Act extends Pick<PageRequest, 'caller' | 'signal'> {
  draft: Draft;
  udf: OnPage | undefined;
  service: Service;
}

async function act(
  action: string,
  { draft, udf, service, caller, signal }: Act,
): Promise<Outcome | { redirect: string }> {
  const { name, source, module } = draft;
  const script = { source, module };
  if (action === 'run') {
    const elements = samplesIn(draft.samples);
    const named = draft.function === '' ? {} : { function: draft.function };
    return { run: runModel(await runUdf(service, { ...script, ...named, elements }, signal), elements) };
  }
  if (action === 'run-cases')
    return { tested: casesModel(await testScript(service, { ...script, cases: draft.cases }, signal)) };
  if (action === 'save-cases') {
    const cases = casesOf('cases.json', () => draft.cases);
    return { savedCases: (await uploadCases(service, udf?.name ?? name, cases, caller)).cases };
  }
  if (action !== 'save')
    throw new SluiceError('REQUEST_INVALID', 'The form can run, save, and run or save the cases.');
  if (name === '')
    throw new SluiceError('REQUEST_INVALID', 'The function needs a name: `udf://name` means it.');
  await uploadUdf(service, { name, ...script }, caller, signal);
  return { redirect: `/functions/${encodeURIComponent(name)}` };
}

const choicesOf = ({ functions, function: chosen }: Draft): string[] =>
  chosen === '' || functions.includes(chosen) ? functions : [chosen, ...functions];

function shown(udf: OnPage | undefined, draft: Draft, outcome: Outcome, status?: number): PageAnswer {
  const model = {
    udf,
    ...draft,
    place: udf ? `/functions/${encodeURIComponent(udf.name)}` : '/new-function',
    isDraft: udf !== undefined && draft.source !== udf.source,
    choices: choicesOf(draft).map(name => ({ name, isChosen: name === draft.function })),
    maxSamples: MAX_SAMPLES,
    ...outcome,
  };
  const title = udf?.name ?? 'A new function';
  return { view: 'function', title, model, ...(status !== undefined && { status }) };
}
