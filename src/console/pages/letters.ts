/** Dead letters: which jobs have some, why they failed, what each says, and running them again. */

import { elementErrorKinds } from '../../element-errors.ts';
import { asSluiceError, errorKinds, SluiceError } from '../../errors.ts';
import { listJobs, type ShownJob, showJob } from '../../service/jobs.ts';
import { listLetters, openLetter, replayLetters, showLetters } from '../../service/letters.ts';
import type { Service } from '../../service/service.ts';
import { listUdfs } from '../../service/udfs.ts';
import { isEnded } from '../../store/states.ts';
import { excerpt, letterModel } from '../letter-model.ts';
import type { Page, PageAnswer, PageRequest } from '../page.ts';

const PAGE = 50;
/** How many letters are shown at first, and how many can be asked for. */
const FEW = 25;
const MANY = 500;
/** Of the payload of a letter in a list. */
const SHOWN_CHARACTERS = 300;

const common = { section: 'dead-letters', role: 'viewer' } as const;

export const lettersPage: Page = {
  ...common,
  method: 'get',
  path: '/dead-letters',
  async answer({ query: { page } }, service) {
    const active = page ? [] : (await listJobs(service, { status: 'active' }, MANY)).items;
    const ended = await listJobs(service, { status: 'ended', hasDeadLetters: true }, PAGE, page || undefined);
    const failed = [...active, ...ended.items].filter(({ totals }) => totals?.elements.deadLettered);
    const rows = await Promise.all(
      failed.map(async ({ id, name, state, templateId, totals, result, createTime }) => ({
        id,
        name,
        state,
        isLive: !isEnded(state),
        template: templateId,
        count: totals?.elements.deadLettered,
        // What an ended job came to is in its record.
        reasons: result?.errors
          ? Object.keys(result.errors)
          : groupsOf(await showJob(service, id)).map(({ code }) => code),
        createTime,
      })),
    );
    const next = ended.nextPageToken;
    const model = {
      rows,
      ...(next !== undefined && { next: `/dead-letters?${new URLSearchParams({ page: next })}` }),
    };
    return { view: 'letters', title: 'Dead letters', model };
  },
};

/** What its counters tell, at once; the letters themselves are read when the page is there. */
export const jobLettersPage: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/dead-letters',
  answer: (request, service) => shown(request, service),
};

export const lettersFound: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/dead-letters/found',
  async answer({ path: { id = '' }, query, signal }, service) {
    const job = await showJob(service, id);
    return { view: 'letters-found', model: await foundOf(service, job, query, signal) };
  },
};

/** The first letters there are. */
async function foundOf(service: Service, job: ShownJob, query: PageRequest['query'], signal: AbortSignal) {
  const { code = '' } = query;
  const limit = Math.min(MANY, Math.max(FEW, Math.floor(Number(query.limit)) || FEW));
  const asked = { limit: limit + 1, payloadCharacters: SHOWN_CHARACTERS, ...(code !== '' && { code }) };
  const letters = await showLetters(service, job.id, asked, signal);
  const base = placeOf(job);
  const further = { ...(code !== '' && { code }), limit: String(limit * 4) };
  return {
    letters: letters.slice(0, limit).map(letter => ({
      ...excerpt(letter, SHOWN_CHARACTERS),
      href: letterHref(base, letter.id, code),
    })),
    ...(letters.length > limit &&
      limit < MANY && {
        more: `${base}/found?${new URLSearchParams(further)}`,
        morePage: `${base}?${new URLSearchParams({ ...further, read: 'true' })}`,
      }),
    isCut: letters.length > limit && limit >= MANY,
  };
}

/** How many wait: for that all of them are read. */
export const lettersCounted: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/dead-letters/counted',
  async answer({ path: { id = '' }, signal }, service) {
    const { deadLetters, waiting, places, replays, missing, faults } = await listLetters(
      service,
      id,
      {},
      signal,
    );
    return { view: 'letters-counted', model: { deadLetters, waiting, places, replays, missing, faults } };
  },
};

export const letterPage: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/dead-letters/letter',
  async answer({ path: { id = '' }, query, signal }, service) {
    const job = await showJob(service, id);
    const base = placeOf(job);
    const { code = '' } = query;
    const open = await openLetter(service, id, askedIn(query), signal);
    const { letter } = open;
    const model = {
      job,
      letter: letterModel(letter),
      base,
      code,
      ...(open.before !== undefined && { before: letterHref(base, open.before, code) }),
      ...(open.after !== undefined && { after: letterHref(base, open.after, code) }),
      payload: `${base}/letter/payload?${new URLSearchParams({ id: letter.id })}`,
      ...choicesOf(service, job),
      tryIt: editorFor(job, letter.id),
    };
    return { view: 'letter', title: `A dead letter of ${job.name}`, model };
  },
};

/** Of a letter among those of one reason, or among all. */
const letterHref = (base: string, id: string, code: string): string =>
  `${base}/letter?${new URLSearchParams({ id, ...(code !== '' && { code }) })}`;

const askedIn = ({ id = '', code = '' }: PageRequest['query']) => ({ id, ...(code !== '' && { code }) });

/** What failed, byte for byte. */
export const letterPayload: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/dead-letters/letter/payload',
  async answer({ path: { id = '' }, query, signal }, service) {
    const { letter } = await openLetter(service, id, askedIn(query), signal);
    const { payload = '', payloadBase64 } = letter;
    const isText = payloadBase64 === undefined;
    return {
      download: isText ? payload : Buffer.from(payloadBase64, 'base64'),
      fileName: `${letter.id.replaceAll(/[^\w.-]/g, '_').slice(0, 100)}.${isText ? 'txt' : 'bin'}`,
      contentType: isText ? 'text/plain' : 'application/octet-stream',
    };
  },
};

export const replayAnswer: Page = {
  ...common,
  role: 'operator',
  method: 'post',
  path: '/jobs/:id/dead-letters/replay',
  async answer(request, service) {
    const { path, form, lists, caller, signal } = request;
    const { code = '', udf = '', what } = form;
    const ids = lists.letter ?? [];
    try {
      if (what === 'chosen' && ids.length === 0)
        throw new SluiceError('REQUEST_INVALID', 'No letter is chosen: tick some, or replay all of them.');
      const { job, replayedBefore, warnings } = await replayLetters(
        service,
        path.id ?? '',
        {
          ...(what === 'chosen' ? { ids: [...ids] } : code !== '' && { code }),
          ...(udf !== '' && { udf }),
        },
        caller,
        signal,
      );
      if (job) return { redirect: `/jobs/${encodeURIComponent(job.id)}` };
      const why = replayedBefore > 0 ? `${replayedBefore} were replayed before.` : warnings.join(' ');
      return await shown(request, service, { message: `There is nothing to replay. ${why}` });
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (error.code === 'INTERNAL' || error.code === 'JOB_NOT_FOUND') throw thrown;
      return shown(request, service, { message: error.message }, errorKinds[error.code].http);
    }
  },
};

async function shown(
  { path, query, form, signal }: PageRequest,
  service: Service,
  refusal?: { message: string },
  status?: number,
): Promise<PageAnswer> {
  const job = await showJob(service, path.id ?? '');
  const code = query.code ?? form.code ?? '';
  const base = placeOf(job);
  const groups = groupsOf(job);
  const model = {
    job,
    base,
    code,
    total: job.totals?.elements.deadLettered ?? 0,
    groups: groups.map(group => ({
      ...group,
      isCurrent: group.code === code,
      href: `${base}?${new URLSearchParams({ code: group.code })}`,
    })),
    found: `${base}/found${code === '' ? '' : `?${new URLSearchParams({ code })}`}`,
    // Without scripts they are read for the page.
    readPage: `${base}?${new URLSearchParams({ ...(code !== '' && { code }), read: 'true' })}`,
    ...(query.read === 'true' && { isRead: true, ...(await foundOf(service, job, query, signal)) }),
    counted: `${base}/counted`,
    ...choicesOf(service, job),
    ...(refusal && { refusal }),
  };
  return {
    view: 'job-letters',
    title: `Dead letters of ${job.name}`,
    model,
    ...(status !== undefined && { status }),
  };
}

/** By reason: what each code means, and where it happened. */
function groupsOf({ counters = {}, result, graph }: ShownJob) {
  const lanes = new Set(graph?.nodes.flatMap(({ id, deadLetter }) => (deadLetter ? [id] : [])));
  const groups = new Map<string, { code: string; count: number; stages: string[] }>();
  for (const [stage, { errors }] of Object.entries(counters)) {
    if (lanes.has(stage)) continue;
    for (const [code, count] of Object.entries(errors)) {
      const group = groups.get(code) ?? { code, count: 0, stages: [] };
      groups.set(code, { code, count: group.count + count, stages: [...group.stages, stage] });
    }
  }
  if (groups.size === 0)
    for (const [code, count] of Object.entries(result?.errors ?? {}))
      groups.set(code, { code, count, stages: [] });
  return [...groups.values()]
    .sort((a, b) => b.count - a.count)
    .map(group => ({ ...group, meaning: meaningOf(group.code) }));
}

const meaningOf = (code: string): string | undefined =>
  Object.hasOwn(elementErrorKinds, code)
    ? elementErrorKinds[code as keyof typeof elementErrorKinds].summary
    : undefined;

/** The functions that letters may go through instead of the job's own. */
const choicesOf = ({ config }: Service, { parameters }: Pick<ShownJob, 'parameters'>) => {
  const own = parameters.javascriptTextTransformGcsPath;
  return {
    ...(typeof own === 'string' && {
      ownFunction: own,
      functions: listUdfs(config).map(({ name, version }) => ({ path: `udf://${name}@${version}`, name })),
    }),
  };
};

/** Where the job's function is edited, with the letter as its sample. */
function editorFor({ id, parameters }: Pick<ShownJob, 'id' | 'parameters'>, letter: string) {
  const path = String(parameters.javascriptTextTransformGcsPath);
  const [, name, version] = /^udf:\/\/([\w-]+)(?:@([0-9a-f]+))?$/.exec(path) ?? [];
  const query = { ...(version !== undefined && { version }), job: id, letter };
  return name && `/functions/${name}?${new URLSearchParams(query)}`;
}

const placeOf = ({ id }: Pick<ShownJob, 'id'>): string => `/jobs/${encodeURIComponent(id)}/dead-letters`;
