/**
 * The filters of subscriptions: `attributes:k`, `attributes.k = "v"`, `!=`, `hasPrefix(attributes.k, "v")`,
 * joined by AND, OR, NOT (also `-`) and parentheses. As in Pub/Sub, AND and OR mix only with parentheses.
 */
import { invalid } from './refusal.ts';

export type Filter = (attributes: ReadonlyMap<string, string>) => boolean;

const MAX_FILTER_BYTES = 256;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z0-9_-]*)|(!=|[-=():.,]))/y;

/** Compiles a filter; throws INVALID_ARGUMENT with what was expected. */
export function compileFilter(text: string): Filter {
  if (Buffer.byteLength(text) > MAX_FILTER_BYTES)
    throw invalid(`a filter has at most ${MAX_FILTER_BYTES} bytes`);
  const parser = new Parser(tokensOf(text), text);
  const filter = parser.expression();
  parser.expectEnd();
  return filter;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw invalid(`filter '${text}' cannot be read at '${text.slice(at)}'`);
    tokens.push(match[0].trim());
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];
  readonly #text: string;
  #at = 0;

  constructor(tokens: string[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  expression(): Filter {
    const terms = [this.#term()];
    const operator = this.#tokens[this.#at];
    if (operator !== 'AND' && operator !== 'OR') return terms[0] ?? (() => true);
    while (this.#take(operator)) terms.push(this.#term());
    const next = this.#tokens[this.#at];
    if (next === 'AND' || next === 'OR') throw this.#expected('parentheses between AND and OR');
    return operator === 'AND'
      ? attributes => terms.every(term => term(attributes))
      : attributes => terms.some(term => term(attributes));
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw this.#expected('AND, OR or the end');
  }

  #term(): Filter {
    if (this.#take('NOT') || this.#take('-')) {
      const term = this.#term();
      return attributes => !term(attributes);
    }
    if (this.#take('(')) {
      const inner = this.expression();
      this.#need(')');
      return inner;
    }
    if (this.#take('hasPrefix')) return this.#hasPrefix();
    return this.#comparison();
  }

  #hasPrefix(): Filter {
    this.#need('(');
    this.#need('attributes');
    this.#need('.');
    const key = this.#key();
    this.#need(',');
    const prefix = this.#string();
    this.#need(')');
    return attributes => attributes.get(key)?.startsWith(prefix) ?? false;
  }

  #comparison(): Filter {
    this.#need('attributes');
    if (this.#take(':')) {
      const key = this.#key();
      return attributes => attributes.has(key);
    }
    this.#need('.');
    const key = this.#key();
    if (this.#take('!=')) {
      const value = this.#string();
      return attributes => attributes.get(key) !== value;
    }
    this.#need('=');
    const value = this.#string();
    return attributes => attributes.get(key) === value;
  }

  #key(): string {
    const token = this.#tokens[this.#at] ?? '';
    if (token.startsWith('"')) return this.#string();
    if (!/^[A-Za-z_]/.test(token)) throw this.#expected("an attribute's key");
    this.#at++;
    return token;
  }

  #string(): string {
    const token = this.#tokens[this.#at] ?? '';
    if (!token.startsWith('"')) throw this.#expected('a string in double quotes');
    this.#at++;
    return token.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #need(token: string): void {
    if (!this.#take(token)) throw this.#expected(`'${token}'`);
  }

  #expected(what: string): Error {
    const found = this.#tokens[this.#at];
    return invalid(`filter '${this.#text}': expected ${what}, found ${found ? `'${found}'` : 'the end'}`);
  }
}
