import type { TestContext } from 'node:test';
import type { Component, StageContext, Transform } from '../../src/engine/component.ts';
import { contextOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A transform at work, which is closed after the test. */
export async function openTransform(
  t: TestContext,
  component: Component,
  config: unknown,
  more: Partial<StageContext> = {},
): Promise<Transform> {
  if (component.kind !== 'transform') throw new Error(`${component.name} is no transform`);
  const transform = await component.open(config, contextOf(await temporaryFolder(t), more));
  t.after(() => transform.close?.());
  return transform;
}
