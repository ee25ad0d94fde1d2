/** `templates:get`: what a template takes. */
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
      metadata: { type: 'object' },
      templateType: { enum: ['UNKNOWN', 'LEGACY', 'FLEX'] },
      runtimeMetadata: { type: 'object' },
    },
  },
  exampleQuery: { gcsPath: 'GCS_Text_to_GCS_Text' },
  async handle(request, { config }) {
    placeOf(request);
    const found = await templateAt(config, request.query.gcsPath);
    if (found.type === 'LEGACY') return described(found.metadata, 'LEGACY', 'JAVA');
    if ('template' in found) return described(metadataOf(found.template), 'FLEX', 'YAML');
    const { metadata, sdkInfo } = found.spec;
    const language: unknown = Reflect.get(Object(sdkInfo), 'language');
    return described(Object(metadata), 'FLEX', typeof language === 'string' ? language : 'UNKNOWN');
  },
});

function described(metadata: object, templateType: 'LEGACY' | 'FLEX', language: string): object {
  const parameters: unknown = Reflect.get(metadata, 'parameters');
  return {
    status: { code: 0 },
    metadata,
    templateType,
    runtimeMetadata: { sdkInfo: { language }, ...(Array.isArray(parameters) && { parameters }) },
  };
}
