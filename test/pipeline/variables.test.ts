import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseWithVariables } from '../../src/pipeline/variables.ts';
import { placeOf } from '../../src/pipeline/yaml.ts';

const parse = (text: string, variables: Record<string, never> | object = {}) =>
  parseWithVariables(text, 'p.yaml', new Map(Object.entries(variables)));
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('a variable keeps its type where it is the whole scalar, and is text within one', () => {
  const text = 'n: {{ n }}\nquoted: "{{n}}"\nlist: {{ list }}\ntext: a {{n}}b {{ list }}\n{{ key }}: 1\n';
  assert.deepEqual(plain(parse(text, { n: 5, list: [1, { a: 2 }], key: 'k' })), {
    n: 5,
    quoted: 5,
    list: [1, { a: 2 }],
    text: 'a 5b [1,{"a":2}]',
    k: 1,
  });
});

test('any value is inert', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('{{ n }}', '}\nb: c', '{% x %}', '\ue0000\ue000', '- a'),
      ),
      value => {
        assert.deepEqual(plain(parse('a: {{ v }}\nb: ["x{{ v }}"]', { v: value })), {
          a: value,
          b: [`x${value}`],
        });
      },
    ),
  );
});

test('places are those of the text as it was written', () => {
  const value = Object(parse('a: {{ long }}\nb: [{{ long }}, {c: 1}]\n', { long: 'x'.repeat(50) }));
  assert.equal(placeOf(value.b, 1), 'p.yaml:2:17');
});

const refused: [text: string, message: string][] = [
  ['a: 1\nb: {{ nobody }}', 'p.yaml:2:4: the variable nobody is not defined (defined: n)'],
  [
    '{% for x in y %}\na: 1\n{% endfor %}',
    'p.yaml:1:1: {% for x in y %}: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions',
  ],
  [
    'a: {{ n | upper }}',
    'p.yaml:1:4: {{ n | upper }}: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions',
  ],
  [
    'a: {{ n.b }}',
    'p.yaml:1:4: {{ n.b }}: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions',
  ],
  ['a: {{ __proto__ }}', 'p.yaml:1:4: the variable __proto__ is not defined (defined: n)'],
  ['a: {{ constructor }}', 'p.yaml:1:4: the variable constructor is not defined (defined: n)'],
  [
    'a: {{ n',
    'p.yaml:1:4: {{ n: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions',
  ],
  [
    '{# a #}',
    'p.yaml:1:1: {#: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions',
  ],
];

for (const [text, message] of refused) {
  test(`${JSON.stringify(text)} is refused with its place`, () => {
    assert.throws(() => parse(text, { n: 1 }), { code: 'PIPELINE_INVALID', message });
  });
}

test('all undefined variables are told at once', () => {
  assert.throws(
    () => parse('a: {{ x }}\nb: {{ y }}'),
    (error: unknown) => Object(error).violations.length === 2,
  );
});

test('what stands between raw and endraw is left as it is, also within comments', () => {
  const text =
    '# {% raw %}\na: "{{ mine }}"\n# {% endraw %}\nb: {{ n }}\nc: {% raw %}"{{ x }}"{% endraw %}\n';
  assert.deepEqual(plain(parse(text, { n: 1 })), { a: '{{ mine }}', b: 1, c: '{{ x }}' });
});
