/** The catalog of templates. */
import { readmeOf, searchTemplates, templateDetails } from '../../service/catalog.ts';
import { defineOperation } from '../operation.ts';

const common = { tag: 'Templates', method: 'get', role: 'viewer' } as const;
const text = { type: 'string' } as const;

const summary = {
  id: text,
  aliases: { type: 'array', items: text },
  title: text,
  category: { type: 'string', enum: ['GET_STARTED', 'STREAMING', 'BATCH', 'UTILITIES'] },
  streaming: { type: 'boolean' },
  description: text,
  origin: { type: 'string', enum: ['shipped', 'user'] },
} as const;

export const listTemplates = defineOperation({
  ...common,
  id: 'listTemplates',
  summary: 'The templates there are, or those that match',
  path: '/api/templates',
  query: {
    type: 'object',
    properties: {
      query: {
        type: 'string',
        maxLength: 200,
        description: 'Words that id, aliases, title or description hold.',
      },
      category: summary.category,
      streaming: summary.streaming,
    },
  },
  exampleQuery: { query: 'text files' },
  response: {
    type: 'object',
    required: ['templates'],
    properties: {
      templates: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'origin'],
          properties: {
            ...summary,
            fault: { ...text, description: 'Why its file cannot be used; then there is nothing else.' },
          },
        },
      },
    },
  },
  handle: async ({ query }, { config }) => ({ templates: await searchTemplates(config, query) }),
});

const examplePath = { templateId: 'GCS_Text_to_GCS_Text' };

export const getTemplateDetails = defineOperation({
  ...common,
  id: 'getTemplateDetails',
  summary: 'A template: its parameters, their schema, and the same launch for each client',
  path: '/api/templates/{templateId}',
  examplePath,
  response: {
    type: 'object',
    required: ['id', 'title', 'description', 'parameters', 'rules', 'schema', 'examples'],
    properties: {
      ...summary,
      parameters: {
        type: 'array',
        description: 'The required ones first.',
        items: {
          type: 'object',
          required: [
            'name',
            'title',
            'description',
            'kind',
            'help',
            'widget',
            'paramType',
            'required',
            'secret',
          ],
          properties: {
            name: text,
            title: text,
            description: text,
            kind: { ...text, description: 'Of which kind its values are; `help` says what that takes.' },
            help: text,
            widget: text,
            paramType: { ...text, description: "Dataflow's name of the kind." },
            required: { type: 'boolean' },
            requiredWhen: text,
            secret: { type: 'boolean' },
            default: {},
            examples: { type: 'array' },
            enum: { type: 'array', items: text },
            group: text,
          },
        },
      },
      rules: { type: 'array', items: text, description: 'The rules over several parameters.' },
      example: { ...text, description: 'The command that runs it without a server.' },
      takesUdf: { type: 'boolean' },
      schema: { type: 'object', description: 'JSON Schema 2020-12 of the parameters.' },
      examples: {
        type: 'object',
        required: ['sluice', 'gcloud', 'curl', 'body'],
        properties: { sluice: text, gcloud: text, curl: text, body: { type: 'object' } },
      },
    },
  },
  handle: ({ path: { templateId = '' } }, { config }) => templateDetails(config, templateId),
});

export const getTemplateReadme = defineOperation({
  ...common,
  id: 'getTemplateReadme',
  summary: 'The README of a template, in Markdown',
  path: '/api/templates/{templateId}/readme',
  examplePath,
  responseType: 'text/markdown',
  response: { type: 'string' },
  handle: async ({ path: { templateId = '' } }, { config }) => ({
    contentType: 'text/markdown; charset=utf-8',
    stream: [await readmeOf(config, templateId)],
  }),
});
