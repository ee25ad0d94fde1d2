/** Says in words why a UDF failed an element: the codes a dead letter of `JavaScriptUdf` may carry. */
import type { Failure } from '../engine/batch.ts';
import type { FailureEntry, UdfLimits } from './frames.ts';

export interface FailureTerms {
  /** Full name of the transform, and of the function it calls. */
  stage: string;
  function: string;
  limits: UdfLimits;
}

/** The sentence of each code; `detail` is what the sandbox says of the case. */
const sentences: Record<string, (terms: FailureTerms, detail: string) => string> = {
  UDF_THREW: (_, detail) => detail,
  UDF_TIMEOUT: ({ function: name, limits }) => `${name} ran longer than ${limits.timeoutMs} ms`,
  UDF_MEMORY: ({ function: name, limits }) => `${name} needed more than ${limits.memoryMb} MB of memory`,
  UDF_OUTPUT_TOO_LARGE: ({ function: name, limits }) =>
    `${name} returned more than ${limits.maxOutputBytes} bytes`,
  UDF_RETURN_TYPE: ({ function: name }, kind) =>
    kind === 'Promise'
      ? `${name} returned a Promise: a UDF is synchronous and returns a string, or null to drop the element`
      : `${name} returned ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}: a UDF returns a string (see JSON.stringify), or null to drop the element`,
  UDF_RETURN_NOT_OBJECT: ({ function: name }, output) =>
    `${name} did not return a JSON object, but: ${output}`,
  UDF_INPUT_NOT_UTF8: ({ function: name }) =>
    `the element is not valid UTF-8, so it cannot be given to ${name} as text`,
  UDF_KILLED: ({ function: name }) => `${name} crashed the process it runs in, twice`,
};

/** The failure that goes into the dead letter. */
export function explainFailure(entry: FailureEntry | undefined, terms: FailureTerms): Failure {
  const [, code, detail, stack] = entry ?? [0, 'UDF_KILLED', '', ''];
  const known = code in sentences ? code : 'UDF_KILLED';
  const own = ownLines(stack);
  return {
    code: known,
    message: sentences[known]?.(terms, detail) ?? detail,
    ...(own !== '' && { stack: own }),
    transform: terms.stage,
  };
}

/** The lines of a stack that lie in the user's scripts. */
function ownLines(stack: string): string {
  const lines = stack.split('\n').filter(line => /^\s+at /.test(line) && !line.includes('sluice:realm'));
  return lines.map(line => line.trim()).join('\n');
}
