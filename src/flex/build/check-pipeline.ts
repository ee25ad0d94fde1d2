/** Whether the pipeline of a template can be launched, as far as that is known before anybody launches it. */
import { exampleParameters } from '../../catalog/describe.ts';
import type { ParameterSchema } from '../../catalog/meta-schema.ts';
import { renderTemplate } from '../../catalog/render.ts';
import type { Template } from '../../catalog/template.ts';
import { validateParameters } from '../../catalog/validate.ts';
import { type Config, jobDirectory } from '../../config.ts';
import { asSluiceError } from '../../errors.ts';
import { graphOf } from '../../worker/graph.ts';

const JOB = 'example';

/**
 * Resolves the pipeline with the least parameters that it can be launched with, each its first example.
 * @throws SluiceError PIPELINE_INVALID that names the place in the template's file
 */
export async function checkPipeline(config: Config, template: Template): Promise<void> {
  const context = { jobId: JOB, jobDirectory: jobDirectory(config, JOB), config };
  try {
    const { parameters } = validateParameters(template, parametersOf(template));
    graphOf({ id: JOB, pipeline: await renderTemplate(template, parameters, context) });
  } catch (error) {
    const fault = asSluiceError(error);
    // All else is of the examples: rules that they break, files that are not there.
    if (fault.code === 'PIPELINE_INVALID' || fault.code === 'INTERNAL') throw error;
  }
}

function parametersOf(template: Template): Record<string, unknown> {
  const { properties } = template.parameters;
  const given = Object.keys(exampleParameters(template)).map(name => [name, exampleOf(properties[name])]);
  return Object.fromEntries(given);
}

const made: Readonly<Record<string, unknown>> = { boolean: true, integer: 1, number: 1 };

function exampleOf({ examples, default: usual, enum: values, type }: Partial<ParameterSchema> = {}): unknown {
  return examples?.[0] ?? usual ?? values?.[0] ?? made[String(type)] ?? 'example';
}
