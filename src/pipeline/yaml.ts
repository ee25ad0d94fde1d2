/**
 * YAML as Beam reads it: YAML 1.1 with exact integers, and the place of every value. Hostile text is refused
 * with one SluiceError that names the place; nothing in it can reach a prototype or blow up in memory.
 */
import type { Alias, Document, Node, Pair, Scalar, YAMLError, YAMLMap, YAMLSeq } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import { SluiceError } from '../errors.ts';
import { resolveScalar } from './yaml-scalars.ts';

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 100;
/** Words, signs and blanks: reading one takes a thousand times longer than finding it. */
const MAX_TOKENS = 100_000;
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;
/** Nodes that aliases may add to those written out. */
const MAX_ALIASED_NODES = 10_000;

interface Places {
  own: string;
  keys: Map<string, string>;
}

/** Kept beside the values, so that places never show in what is compared, copied or written. */
const places = new WeakMap<object, Places>();

/**
 * The value of a YAML text: mappings are objects without prototype, integers beyond 2^53 are bigints, dates are
 * ISO 8601 text. Throws PIPELINE_INVALID with `file:line:column: what`; `file` is only a name.
 */
export function parseYaml(text: string, file: string): unknown {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new SluiceError('PIPELINE_INVALID', `${file}: larger than the 1 MB a YAML file may have`);
  requireFewTokens(text, file);
  const lines = new LineCounter();
  const document = parseSafely(text, file, lines);
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new SluiceError('PIPELINE_INVALID', `${file}:${line}:${col}: ${wordFault(fault)}`);
  }
  return new Converter(file, lines).convert(document.contents, 0);
}

/** `file:line:column` of a mapping or list that parseYaml gave, or of its value at `key`; undefined for others. */
export function placeOf(value: object, key?: string | number): string | undefined {
  if (key === undefined) return places.get(value)?.own;
  const child: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  const own = typeof child === 'object' && child !== null ? places.get(child)?.own : undefined;
  return own ?? places.get(value)?.keys.get(String(key));
}

/** Gives `to`, which was built from `from`, the places of `from`. */
export function copyPlace(from: object, to: object): void {
  const known = places.get(from);
  if (known) places.set(to, known);
}

/** A text of nothing but brackets would keep us busy for many seconds. */
function requireFewTokens(text: string, file: string): void {
  let count = 0;
  for (const _ of new Lexer().lex(text))
    if (++count > MAX_TOKENS)
      throw new SluiceError(
        'PIPELINE_INVALID',
        `${file}: more than the ${MAX_TOKENS} words a YAML file may have`,
      );
}

function wordFault({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a file holds one YAML document';
  return code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : firstLine(message);
}

function parseSafely(text: string, file: string, lines: LineCounter): Document.Parsed {
  try {
    // Failsafe leaves every scalar as text, so that the rules of YAML 1.1 stay in one file of ours.
    return parseDocument(text, {
      schema: 'failsafe',
      version: '1.1',
      uniqueKeys: false,
      lineCounter: lines,
      logLevel: 'error',
      prettyErrors: false,
    });
  } catch (error) {
    const what = error instanceof RangeError ? TOO_DEEP : firstLine(String(error));
    throw new SluiceError('PIPELINE_INVALID', `${file}:1:1: ${what}`, { cause: error });
  }
}

class Converter {
  readonly #file: string;
  readonly #lines: LineCounter;
  /** The latest node of each name: an alias takes it from here, since looking it up in the tree costs a walk. */
  readonly #anchors = new Map<string, Node>();
  #aliasDepth = 0;
  #aliasedNodes = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  convert(node: unknown, depth: number): unknown {
    if (node === null || node === undefined) return null;
    if (depth > MAX_DEPTH) this.#fail(node, TOO_DEEP);
    if (this.#aliasDepth > 0 && ++this.#aliasedNodes > MAX_ALIASED_NODES)
      this.#fail(node, `aliases add more than ${MAX_ALIASED_NODES} nodes`);
    if (isAlias(node)) return this.#alias(node, depth);
    if (this.#aliasDepth === 0) this.#rememberAnchor(node as Node);
    if (isScalar(node)) return this.#scalar(node);
    this.#refuseTag(node as Node);
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) return this.#list(node, depth);
    return this.#fail(node, 'not a value');
  }

  #scalar(node: Scalar): unknown {
    const text = String(node.value ?? '');
    if (node.type !== 'PLAIN' || isTextTag(node.tag)) return text;
    this.#refuseTag(node);
    const value = resolveScalar(text);
    return value === undefined ? this.#fail(node, `${text} is not a date`) : value;
  }

  #alias(node: Alias, depth: number): unknown {
    const target = this.#anchors.get(node.source);
    if (!target) return this.#fail(node, `no anchor is called ${node.source}`);
    this.#aliasDepth++;
    const value = this.convert(target, depth + 1);
    this.#aliasDepth--;
    return value;
  }

  #list(node: YAMLSeq, depth: number): unknown[] {
    const keys = new Map<string, string>();
    const list = node.items.map((item, index) => {
      keys.set(String(index), this.#place(item ?? node));
      return this.convert(item, depth + 1);
    });
    places.set(list, { own: this.#place(node), keys });
    return list;
  }

  #map(node: YAMLMap, depth: number): object {
    const keys = new Map<string, string>();
    const map: Record<string, unknown> = Object.create(null);
    for (const pair of node.items) {
      if (isMerge(pair)) continue;
      const key = this.#key(pair);
      if (keys.has(key)) this.#fail(pair.key, `the key ${key} is there twice`);
      keys.set(key, this.#place(pair.value ?? pair.key));
      map[key] = this.convert(pair.value, depth + 1);
    }
    for (const pair of node.items) if (isMerge(pair)) this.#merge(map, keys, pair, depth);
    places.set(map, { own: this.#place(node), keys });
    return map;
  }

  #key(pair: Pair): string {
    const key = isScalar(pair.key) ? this.#scalar(pair.key) : undefined;
    if (typeof key === 'string') return key;
    const written = isScalar(pair.key) ? String(pair.key.value ?? '') : '';
    const what = written ? `YAML reads the key ${written} as ${kindOf(key)}` : 'this is no key';
    return this.#fail(pair.key ?? pair.value, `${what}: keys are text, put it in quotes`);
  }

  /** `<<: *base`: what the mapping does not have itself comes from there; of several, the first wins. */
  #merge(map: Record<string, unknown>, keys: Map<string, string>, pair: Pair, depth: number): void {
    const value = this.convert(pair.value, depth + 1);
    for (const source of Array.isArray(value) ? value : [value]) {
      if (typeof source !== 'object' || source === null || Array.isArray(source))
        this.#fail(pair.key, '<< takes a mapping or a list of mappings');
      for (const [key, inherited] of Object.entries(source)) {
        if (keys.has(key)) continue;
        keys.set(key, placeOf(source, key) ?? this.#place(pair.key));
        map[key] = inherited;
      }
    }
  }

  #rememberAnchor(node: Node): void {
    if ('anchor' in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
  }

  #refuseTag(node: Node): void {
    const tag = 'tag' in node && typeof node.tag === 'string' ? node.tag : undefined;
    const isPlainKind = tag === undefined || tag === MAP_TAG || tag === LIST_TAG;
    if (!isPlainKind) this.#fail(node, `the tag ${tag} is not supported: only !!str is`);
  }

  #place(node: unknown): string {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }

  #fail(node: unknown, what: string): never {
    throw new SluiceError('PIPELINE_INVALID', `${this.#place(node)}: ${what}`);
  }
}

const TEXT_TAG = 'tag:yaml.org,2002:str';
const MAP_TAG = 'tag:yaml.org,2002:map';
const LIST_TAG = 'tag:yaml.org,2002:seq';

const isTextTag = (tag: string | undefined): boolean => tag === TEXT_TAG || tag === '!';

const isMerge = ({ key }: Pair): boolean => isScalar(key) && key.type === 'PLAIN' && key.value === '<<';

function kindOf(value: unknown): string {
  if (typeof value === 'boolean') return 'a boolean';
  return value === null ? 'null' : 'a number';
}

const firstLine = (message: string): string => message.split('\n')[0]?.replace(/:$/, '') ?? message;
