/** The steps of a build. */
import { stripVTControlCharacters } from 'node:util';
import type { EngineLine } from './engine-lines.ts';

/** Of what a step has said, how many lines explain its failure. */
const SAID_LINES = 5;
/** Of an instruction, which may be long. */
const MAX_SHOWN = 100;
const STEP = /^Step (\d+\/\d+) : (.*)$/s;
const MADE = /^ ---> ([0-9a-f]{12,64})$/;
/** What the engine tells of its own doings. */
const OWN_WORDS =
  /^(?: ---> |Removing intermediate container |Successfully |Sending build context |\[Warning\] One or more build-args)/;

/** Follows a build by what the engine says of it: tells its steps, and keeps what may have to be removed. */
export function followSteps(tell: (line: string) => void) {
  const made: string[] = [];
  let step = '';
  let said: string[] = [];
  let isCached = false;
  let fault: string | undefined;

  function takeText(text: string): void {
    const [, number, instruction] = STEP.exec(text) ?? [];
    const id = MADE.exec(text)?.[1];
    if (number !== undefined && instruction !== undefined) {
      step = `step ${number}, ${fit(instruction)},`;
      said = [];
      tell(`${number}  ${fit(instruction)}`);
    } else if (id !== undefined) {
      // The first is what it builds on.
      if (!isCached && !step.startsWith('step 1/')) made.push(id);
      isCached = false;
    } else if (text === ' ---> Using cache') isCached = true;
    else if (!OWN_WORDS.test(text)) {
      said = [...said, text].slice(-SAID_LINES);
      tell(`     ${text}`);
    }
  }

  return {
    take({ stream = '', status, id, error }: EngineLine): void {
      // It colours what comes from standard error.
      for (const text of stripVTControlCharacters(stream).split('\n'))
        if (text.trim() !== '') takeText(text.trimEnd());
      // A base that is pulled on the way.
      if (status !== undefined && id === undefined) tell(`     ${status}`);
      if (error === undefined) return;
      const last = said.length > 0 ? `; it said: ${said.join(' | ')}` : '';
      fault = `${step === '' ? '' : `${step} failed: `}${error.trim()}${last}`;
    },
    fault: () => fault,
    /** Images that this build made on its way, the last first. */
    made: () => made.toReversed(),
  };
}

const fit = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text);
