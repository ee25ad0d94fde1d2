/** The three ways in which Dataflow's clients launch a template; all come to the same. */

import { SluiceError } from '../../errors.ts';
import { parameterTypes } from '../../flex/metadata.ts';
import { sdkLanguages } from '../../flex/spec.ts';
import { type JobLaunch, launchJob } from '../../service/launch.ts';
import type { Service } from '../../service/service.ts';
import type { ApiRequest } from '../operation.ts';
import { defineDataflow, pathsOf, placeOf } from './dataflow-operation.ts';
import { wholeJob } from './job.ts';
import { environmentSchema, jobSchema, launchResponse, locationQuery, stringMap } from './schemas.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const gcsPath = {
  ...text,
  description:
    'A template: its id or alias, a `gs://` path that ends with it, or the path of a file with a Flex spec.',
} as const;
const jobName = {
  ...text,
  description: '`[a-z]([-a-z0-9]{0,1022}[a-z0-9])?`, of the active jobs only one.',
} as const;
const parameters = { ...stringMap, description: 'The parameters of the template, each a text.' } as const;
const update = { ...flag, description: 'Take over from the running streaming job of this name.' } as const;
const validateOnly = { ...flag, description: 'Check everything, launch nothing.' } as const;

const exampleParameters = {
  inputFilePattern: 'gs://your-bucket/in/*.txt',
  outputDirectory: 'gs://your-bucket/out/',
};

/** Read tolerantly here; what is wrong with it is told as of a spec in a file. */
const containerSpec = {
  type: 'object',
  properties: {
    image: {
      ...text,
      description: 'The image of the template, or a template of the catalog: `sluice://<Id>`.',
    },
    sdkInfo: { type: 'object', properties: { language: { enum: sdkLanguages }, version: text } },
    metadata: {
      type: 'object',
      properties: {
        streaming: { type: 'boolean' },
        parameters: {
          type: 'array',
          items: {
            type: 'object',
            properties: { paramType: { enum: parameterTypes }, isOptional: { type: 'boolean' } },
          },
        },
      },
    },
    defaultEnvironment: environmentSchema,
  },
} as const;

export const launchFlexTemplate = defineDataflow({
  id: 'launchFlexTemplate',
  summary: 'Launches a template, as `gcloud dataflow flex-template run` does.',
  method: 'post',
  path: '/v1b3/projects/{projectId}/locations/{location}/flexTemplates:launch',
  role: 'operator',
  body: {
    type: 'object',
    required: ['launchParameter'],
    additionalProperties: false,
    properties: {
      launchParameter: {
        type: 'object',
        required: ['jobName'],
        additionalProperties: false,
        properties: {
          jobName,
          containerSpecGcsPath: gcsPath,
          containerSpec,
          parameters,
          launchOptions: stringMap,
          environment: environmentSchema,
          update,
          transformNameMappings: stringMap,
        },
      },
      validateOnly,
    },
  },
  response: launchResponse,
  example: {
    launchParameter: {
      jobName: 'copy-lines',
      containerSpecGcsPath: 'gs://dataflow-templates/latest/flex/GCS_Text_to_GCS_Text',
      parameters: exampleParameters,
    },
    validateOnly: true,
  },
  handle(request, service) {
    const { launchParameter, validateOnly: only = false } = request.body;
    const { containerSpecGcsPath: path, containerSpec } = launchParameter;
    const template = path || containerSpec;
    if (!template) throw noTemplate('launchParameter.containerSpecGcsPath');
    const { transformNameMappings: transformNameMapping, launchOptions, ...given } = launchParameter;
    const environment = { ...given.environment, ...(launchOptions && { launchOptions }) };
    return answer(service, request, {
      ...launchOf(request, { ...given, environment, transformNameMapping }),
      template,
      templateType: 'flex',
      validateOnly: only,
    });
  },
});

export const launchTemplate = defineDataflow({
  id: 'launchTemplate',
  summary: 'Launches a template, as `gcloud dataflow jobs run --update` does.',
  method: 'post',
  ...pathsOf('templates:launch'),
  role: 'operator',
  query: {
    type: 'object',
    properties: {
      gcsPath,
      'dynamicTemplate.gcsPath': gcsPath,
      'dynamicTemplate.stagingLocation': text,
      validateOnly,
      location: locationQuery,
    },
  },
  body: {
    type: 'object',
    required: ['jobName'],
    additionalProperties: false,
    properties: {
      jobName,
      parameters,
      environment: environmentSchema,
      update,
      transformNameMapping: stringMap,
    },
  },
  response: launchResponse,
  exampleQuery: { gcsPath: 'GCS_Text_to_GCS_Text', validateOnly: 'true' },
  example: { jobName: 'copy-lines', parameters: exampleParameters },
  handle(request, service) {
    const template = request.query.gcsPath || request.query['dynamicTemplate.gcsPath'];
    if (!template) throw noTemplate('gcsPath');
    return answer(service, request, {
      ...launchOf(request, request.body),
      template,
      templateType: 'legacy',
      validateOnly: request.query.validateOnly ?? false,
    });
  },
});

export const createJobFromTemplate = defineDataflow({
  id: 'createJobFromTemplate',
  summary: 'Launches a template, as `gcloud dataflow jobs run` and Terraform do.',
  method: 'post',
  ...pathsOf('templates'),
  role: 'operator',
  query: { type: 'object', properties: { location: locationQuery } },
  body: {
    type: 'object',
    required: ['jobName', 'gcsPath'],
    additionalProperties: false,
    properties: { jobName, gcsPath, parameters, environment: environmentSchema, location: text },
  },
  response: jobSchema,
  example: { jobName: 'copy-lines', gcsPath: 'GCS_Text_to_GCS_Text', parameters: exampleParameters },
  async handle(request, service) {
    const { gcsPath: template, location } = request.body;
    const launched = await launchJob(
      service,
      {
        ...launchOf(request, request.body, location),
        template,
        templateType: 'legacy',
        validateOnly: false,
      },
      request.caller,
    );
    return launched ? wholeJob(service, launched) : {};
  },
});

interface Given {
  jobName: string;
  parameters?: Record<string, string>;
  environment?: Record<string, unknown>;
  update?: boolean;
  transformNameMapping?: Record<string, string>;
}

const launchOf = (request: ApiRequest<object>, given: Given, location?: string) => ({
  ...placeOf(request, location || undefined),
  name: given.jobName,
  parameters: given.parameters ?? {},
  environment: given.environment ?? {},
  update: given.update ?? false,
  ...(given.transformNameMapping && { transformNameMapping: given.transformNameMapping }),
});

async function answer(service: Service, { caller }: ApiRequest<object>, launch: JobLaunch): Promise<object> {
  const launched = await launchJob(service, launch, caller);
  return launched ? { job: await wholeJob(service, launched) } : {};
}

const noTemplate = (subject: string): SluiceError =>
  new SluiceError('REQUEST_INVALID', `Invalid request: ${subject} must name a template`, {
    violations: [{ subject, message: 'must name a template' }],
  });
