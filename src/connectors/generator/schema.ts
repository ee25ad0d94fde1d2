/** A schema: the text of a record in which `{{function(arguments)}}` stands for a made-up value. */
import { SluiceError } from '../../errors.ts';
import { type Argument, type Draw, type Piece, schemaFunctions } from './functions.ts';
import { createRandom } from './random.ts';

export interface RecordSchema {
  /** The text of one record. */
  make(draw: Draw): string;
  /** No record has a character outside ASCII: its length is its size. */
  isAscii: boolean;
}

/** A literal text, or what is called in its place. */
type Segment = string | { piece: Piece; isAscii: boolean };

/**
 * Compiles a schema. One whose records are JSON gives each on one line. Throws PIPELINE_INVALID with line and column
 * for an unknown function or arguments that do not fit it; `file` names the schema there.
 */
export function compileSchema(text: string, file: string): RecordSchema {
  const segments = parseSchema(text, file);
  const made = joinSegments(segments);
  const sample = made({ random: createRandom(1), now: 0, index: 0 });
  if (sample.trim() === '') throw new SluiceError('PIPELINE_INVALID', `${file}: the schema is empty`);
  const isAscii = segments.every(each => (typeof each === 'string' ? isAsciiText(each) : each.isAscii));
  return {
    make: isJson(sample) ? joinSegments(withoutSpaces(segments)) : joinSegments(trimmed(segments)),
    isAscii,
  };
}

function joinSegments(segments: readonly Segment[]): (draw: Draw) => string {
  const pieces = segments.map(each => (typeof each === 'string' ? () => each : each.piece));
  return draw => {
    let record = '';
    for (const piece of pieces) record += piece(draw);
    return record;
  };
}

const CALL = /\{\{\s*([A-Za-z]\w*)\s*\(\s*((?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^"'(){}])*)\)\s*\}\}/y;
const ARGUMENT = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([+-]?\d+(?:\.\d+)?))\s*(?:,|$)/y;

function parseSchema(text: string, file: string): Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    // `{{{uuid()}}}`: the first brace is the record's own.
    const start = open >= 0 && text.startsWith('{{{', open) ? open + 1 : open;
    segments.push(text.slice(at, start < 0 ? text.length : start));
    if (start < 0) break;
    CALL.lastIndex = start;
    const call = CALL.exec(text);
    const fail = (why: string): never => {
      throw new SluiceError('PIPELINE_INVALID', `${placeAt(text, start, file)}: ${why}`);
    };
    if (!call) return fail('no call of a function, like {{uuid()}} or {{integer(1, 10)}}');
    segments.push(callSegment(call[1] ?? '', call[2] ?? '', fail));
    at = CALL.lastIndex;
  }
  return segments.filter(each => each !== '');
}

function callSegment(name: string, list: string, fail: (why: string) => never): Segment {
  const known = schemaFunctions.get(name);
  if (!known) return fail(`there is no function ${name}: ${[...schemaFunctions.keys()].join(', ')}`);
  const given = parseArguments(list);
  const piece = given && known.make(given);
  if (!given || !piece) return fail(`the arguments do not fit: ${known.usage}`);
  return { piece, isAscii: given.every(each => isAsciiText(String(each))) };
}

function parseArguments(list: string): Argument[] | undefined {
  const given: Argument[] = [];
  let at = 0;
  while (at < list.length) {
    ARGUMENT.lastIndex = at;
    const match = ARGUMENT.exec(list);
    if (!match) return undefined;
    const [, double, single, number] = match;
    const text = double ?? single;
    given.push(text === undefined ? Number(number) : text.replace(/\\(.)/g, '$1'));
    at = ARGUMENT.lastIndex;
  }
  return given;
}

/** The segments of a JSON text without the white space between its tokens. */
function withoutSpaces(segments: readonly Segment[]): Segment[] {
  let inString = false;
  return segments.map(segment => {
    if (typeof segment !== 'string') return segment;
    let kept = '';
    for (let i = 0; i < segment.length; i++) {
      const character = segment[i] ?? '';
      if (inString && character === '\\') kept += character + (segment[++i] ?? '');
      else if (inString || !/\s/.test(character)) kept += character;
      if (character === '"') inString = !inString;
    }
    return kept;
  });
}

/** The segments of another text without the white space around it: a file ends with a newline. */
function trimmed(segments: readonly Segment[]): Segment[] {
  return segments.map((segment, index) => {
    if (typeof segment !== 'string') return segment;
    const begun = index === 0 ? segment.trimStart() : segment;
    return index === segments.length - 1 ? begun.trimEnd() : begun;
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isAsciiText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function placeAt(text: string, offset: number, file: string): string {
  const lines = text.slice(0, offset).split('\n');
  return `${file}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}
