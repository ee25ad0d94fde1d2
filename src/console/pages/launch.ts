/** Launching a template: a form made from its parameters, checked as it is filled in, and the same launch as commands. */
import { describe, type TemplateDescription } from '../../catalog/describe.ts';
import type { Template } from '../../catalog/template.ts';
import { validateParameters } from '../../catalog/validate.ts';
import { asSluiceError, SluiceError, type Violation } from '../../errors.ts';
import { defaultLocation, defaultProject } from '../../launch/record.ts';
import { launchCommands } from '../../service/catalog.ts';
import { type JobLaunch, launchJob } from '../../service/launch.ts';
import { previewElements } from '../../service/previews.ts';
import type { Service } from '../../service/service.ts';
import { engineAnswers } from '../../service/system.ts';
import { findTemplate } from '../../service/templates.ts';
import { type FormState, faultsOf, groupsOf, othersOf, PREFIX, parametersIn } from '../fields.ts';
import {
  containersOf,
  environmentOf,
  type LaunchSettings,
  labelsOf,
  settingFaults,
  settingsIn,
  settingsLike,
} from '../launch-settings.ts';
import type { Page, PageAnswer, PageRequest } from '../page.ts';
import { previewModel } from '../preview-model.ts';
import { suggestionsFor } from '../suggestions.ts';

interface Outcome {
  valid?: boolean;
  /** What the stages had to say when they were opened. */
  warnings?: readonly string[];
  preview?: ReturnType<typeof previewModel>;
  /** What was refused, in one sentence; the parameters that it names are marked. */
  refusal?: { message: string; remedy?: string };
}

const PREVIEWED = 5;

/** What is to be launched: a template of the catalog, or the one that a spec names. */
interface Chosen {
  /** The template's id, or the path of the spec. */
  path: string;
  template: Template;
  description: TemplateDescription;
  /** What it does happens in there: nothing can be previewed. */
  isInImage: boolean;
}

export const launchForm: Page = {
  method: 'get',
  path: '/templates/:id/launch',
  section: 'templates',
  role: 'viewer',
  async answer(request, service) {
    const chosen = await chosenIn(service, request);
    const { values, settings } = prefilled(request, service, chosen);
    return shown(request, service, chosen, {
      settings,
      state: { values, violations: violationsOf(chosen, values), isComplete: false },
    });
  },
};

export const launchAnswer: Page = {
  method: 'post',
  path: '/templates/:id/launch',
  section: 'templates',
  role: 'viewer',
  async answer(request, service) {
    const { form } = request;
    const chosen = await chosenIn(service, request);
    const { description } = chosen;
    const values = parametersIn(form, description);
    const settings = settingsIn(form, description.id);
    const { action = 'check' } = form;
    if (action === 'check')
      return shown(request, service, chosen, {
        settings,
        state: { values, violations: violationsOf(chosen, values), isComplete: false },
      });
    requireOperator(request);
    try {
      const outcome = await act(action, { request, service, chosen, values, settings });
      if ('redirect' in outcome) return outcome;
      return shown(request, service, chosen, {
        settings,
        state: { values, violations: [], isComplete: true },
        outcome,
      });
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (error.code === 'INTERNAL') throw thrown;
      const { message } = error;
      const faults = [...error.violations, ...violationsOf(chosen, values)];
      // Who is told of a name that is wrong wants to be told of all else too.
      const violations = [...new Map(faults.map(each => [each.subject, each])).values()];
      return shown(request, service, chosen, {
        settings,
        state: { values, violations, isComplete: true },
        outcome: { refusal: { message } },
        status: 400,
      });
    }
  },
};

interface Act {
  request: PageRequest;
  service: Service;
  chosen: Chosen;
  values: Record<string, string>;
  settings: LaunchSettings;
}

async function act(
  action: string,
  { request, service, chosen, values, settings }: Act,
): Promise<Outcome | { redirect: string }> {
  const { id: templateId } = chosen.description;
  if (action === 'preview') {
    requirePreview(chosen);
    const asked = { templateId, parameters: values, elements: PREVIEWED };
    return { preview: previewModel(await previewElements(service, asked, request.signal)) };
  }
  if (action !== 'validate' && action !== 'launch')
    throw new SluiceError(
      'REQUEST_INVALID',
      `the form cannot ask for ${JSON.stringify(action.slice(0, 40))}`,
    );
  const job = await launchJob(
    service,
    launchOf(chosen, values, settings, action === 'validate'),
    request.caller,
  );
  if (job) return { redirect: `/jobs/${encodeURIComponent(job.id)}` };
  if (chosen.isInImage) return { valid: true };
  // A preview of nothing opens the source, which tells whether it can be reached.
  const asked = { templateId, parameters: values, elements: 0 };
  const { warnings } = await previewElements(service, asked, request.signal);
  return { valid: true, warnings };
}

function launchOf(
  { path }: Chosen,
  parameters: Record<string, string>,
  settings: LaunchSettings,
  validateOnly: boolean,
): JobLaunch {
  return {
    template: path,
    templateType: 'flex',
    name: settings.jobName,
    projectId: defaultProject,
    location: defaultLocation,
    parameters,
    environment: environmentOf(settings),
    update: settings.update,
    validateOnly,
  };
}

/** @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID, PERMISSION_DENIED */
async function chosenIn({ config }: Service, request: PageRequest): Promise<Chosen> {
  const { id: path = '' } = request.path;
  const isSpec = path.includes('/');
  // An image may have to be fetched and looked into.
  if (isSpec) requireOperator(request);
  const { template, image } = await findTemplate(config, path);
  return {
    path: isSpec ? path : template.id,
    template,
    description: describe(template),
    isInImage: image !== undefined,
  };
}

/** What is wrong with the parameters as far as they are given. */
function violationsOf({ template }: Chosen, values: Record<string, string>): readonly Violation[] {
  try {
    validateParameters(template, values);
    return [];
  } catch (error) {
    return asSluiceError(error).violations;
  }
}

function requirePreview({ isInImage, path }: Chosen): void {
  if (isInImage)
    throw new SluiceError(
      'REQUEST_INVALID',
      `${path} is in an image: what it would do is seen only when it is launched`,
    );
}

/** From another job, from the address, and a name that is free. */
function prefilled(request: PageRequest, { store }: Service, { template, description }: Chosen) {
  const { query } = request;
  const from = query.from ? store.jobs.get(query.from) : undefined;
  const kept = Object.entries(from?.parameters ?? {})
    .filter(([, value]) => !isOfThatJob(value))
    .map(
      ([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)] as const,
    );
  const fields = [...kept, ...Object.entries(query)].map(([name, value]) => [PREFIX + name, value] as const);
  const others = template.program?.takesAnything ? othersOf(description, Object.fromEntries(kept)) : '';
  return {
    values: parametersIn({ ...Object.fromEntries(fields), others }, description),
    settings: from
      ? settingsLike(from, description.id, query.update === 'true')
      : settingsIn(query, description.id),
  };
}

/** Its secrets stay with it: they must be given again. */
const isOfThatJob = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('secret://job/');

function requireOperator({ caller }: PageRequest): void {
  if (caller.role === 'viewer')
    throw new SluiceError(
      'PERMISSION_DENIED',
      'Launching and previewing need a token with the role operator; yours is viewer.',
    );
}

async function shown(
  request: PageRequest,
  service: Service,
  { path, template, description, isInImage }: Chosen,
  {
    settings,
    state,
    outcome,
    status,
  }: { settings: LaunchSettings; state: Omit<FormState, 'suggestions'>; outcome?: Outcome; status?: number },
): Promise<PageAnswer> {
  const whole = { ...state, suggestions: suggestionsFor(service, description) };
  const { jobName: name, numWorkers, launcher, update } = settings;
  const model = {
    template: description,
    action: `/templates/${encodeURIComponent(path)}/launch`,
    isOfCatalog: path === description.id,
    isInImage,
    path,
    ...(template.program?.takesAnything && {
      isAnything: true,
      others: othersOf(description, state.values),
    }),
    groups: groupsOf(description, whole),
    faults: faultsOf(description, state.violations),
    settings,
    settingFaults: settingFaults(state.violations),
    launchers: launchersOf(service, launcher),
    mayContain: launcher !== '' || (await engineAnswers(service.config)),
    ...outcome,
    commands: launchCommands({
      id: path,
      name,
      parameters: withoutSecrets(description, state.values),
      server: request.origin,
      ...(numWorkers !== '' && { workers: Number(numWorkers) || 1 }),
      labels: labelsOf(settings),
      containers: containersOf(settings),
      update,
    }),
  };
  const title = `Launch ${description.title}`;
  // In a page that is open a refusal is an answer like any other.
  if (request.isFragment) return { view: 'launch-form', model };
  return { view: 'launch', title, model, ...(status !== undefined && { status }) };
}

const launchersOf = ({ config }: Service, chosen: string) =>
  [
    { value: '', text: `${config.launcher === 'docker' ? 'Containers' : 'Processes'} (default)` },
    { value: 'process', text: 'Processes' },
    { value: 'docker', text: 'Containers' },
  ].map(each => ({ ...each, isSelected: each.value === chosen }));

/** Commands stay in histories: a secret is named there, never given. */
const withoutSecrets = ({ parameters }: TemplateDescription, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const { secret } = parameters.find(each => each.name === name) ?? {};
      const isReference = /^secret:\/\/(?:env|file)\//.test(value);
      const variable = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
      return [name, secret && !isReference ? `secret://env/${variable}` : value];
    }),
  );
