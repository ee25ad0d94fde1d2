/** `templates:get`: what a template takes. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { SluiceError } from '../../errors.ts';
import { type Metadata, metadataSchema } from '../../flex/metadata.ts';
import { templateAt } from '../../service/templates.ts';
import { defineDataflow, pathsOf, placeOf } from './dataflow-operation.ts';
import { templateViews } from './enums.ts';
import { locationQuery } from './schemas.ts';
import { metadataOf } from './template-metadata.ts';

export const getTemplate = defineDataflow({
  id: 'getTemplate',
  summary: 'Describes a template and its parameters.',
  method: 'get',
  ...pathsOf('templates:get'),
  role: 'viewer',
  query: {
    type: 'object',
    required: ['gcsPath'],
    properties: {
      gcsPath: { type: 'string', minLength: 1, description: 'The template, as for a launch.' },
      view: { enum: templateViews },
      location: locationQuery,
    },
  },
  response: {
    type: 'object',
    required: ['status', 'metadata', 'templateType'],
    properties: {
      status: { type: 'object' },
      metadata: metadataSchema,
      templateType: { enum: ['UNKNOWN', 'LEGACY', 'FLEX'] },
      runtimeMetadata: { type: 'object' },
    },
  },
  exampleQuery: { gcsPath: 'GCS_Text_to_GCS_Text' },
  async handle(request, { config }) {
    placeOf(request);
    const { gcsPath } = request.query;
    const found = await templateAt(config, gcsPath);
    if (found.type === 'LEGACY') return described(checked(found.metadata, gcsPath), 'LEGACY', 'JAVA');
    if ('template' in found) return described(metadataOf(found.template), 'FLEX', 'YAML');
    const { metadata = {}, sdkInfo } = found.spec;
    return described(metadata, 'FLEX', sdkInfo?.language ?? 'UNKNOWN');
  },
});

function described(metadata: Metadata, templateType: 'LEGACY' | 'FLEX', language: string): object {
  const { parameters } = metadata;
  return {
    status: { code: 0 },
    metadata,
    templateType,
    runtimeMetadata: { sdkInfo: { language }, ...(parameters && { parameters }) },
  };
}

const isMetadata = new Ajv2020({ strict: false }).compile<Metadata>(metadataSchema);

/** Clients fail on what they cannot read: what a file says must have the form that it should have. */
function checked(metadata: unknown, path: string): Metadata {
  if (isMetadata(metadata)) return metadata;
  const [{ instancePath = '', message = '' } = {}] = isMetadata.errors ?? [];
  throw new SluiceError(
    'TEMPLATE_INVALID',
    `the metadata of ${path} are not well formed: ${instancePath} ${message}`,
  );
}
